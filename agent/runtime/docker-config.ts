/** Docker's own description of a container: CONTAINERS/ID/config.v2.json below its data folder. */
import { type ContainerNames, labelsOf, namesFromLabels, parseObject } from './container-labels.ts';

/** Where Docker keeps its data, unless told otherwise; below a user's home, that of a rootless one. */
export const dockerDataPath = '/var/lib/docker';
export const dockerUserDataPath = '.local/share/docker';

export function dockerConfigPath(dataPath: string, id: string): string {
  return `${dataPath}/containers/${id}/config.v2.json`;
}

/** Null for a file of another form. The name has a leading slash, as in `docker inspect`. */
export function parseDockerConfig(bytes: Buffer, nodeName: string | null): ContainerNames | null {
  const container = parseObject(bytes);
  if (typeof container?.['Name'] !== 'string') return null;
  const { Labels } = labelsOf(container['Config']);
  return namesFromLabels(labelsOf(Labels), plainName(container['Name']), 'docker', nodeName);
}

/** Null for an empty one. */
export function plainName(name: string): string | null {
  return name.replace(/^\//, '') || null;
}
