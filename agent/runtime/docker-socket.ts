/**
 * GET /containers/json of the Docker Engine API over its unix socket: all running containers with names and labels. It
 * needs no root, but the group that may use the socket. Nothing is asked that changes anything.
 */
import { request } from 'node:http';
import { type ContainerNames, labelsOf, namesFromLabels, parseJson } from './container-labels.ts';
import { plainName } from './docker-config.ts';
import { readAnswer } from './http-answer.ts';
import { runtimeFileBytesMax } from './runtime-file.ts';

/** Below the root. */
export const dockerSocketPath = '/run/docker.sock';

/** Rejects with Node's error (ENOENT, EACCES, ECONNREFUSED ...), or with that of `signal`. */
export async function listDockerContainers(
  socketPath: string,
  nodeName: string | null,
  signal: AbortSignal,
): Promise<Map<string, ContainerNames>> {
  const headers = { host: 'docker' };
  const asked = request({ socketPath, path: '/containers/json', signal, agent: false, headers });
  return parseDockerContainers(await readAnswer(asked, runtimeFileBytesMax), nodeName);
}

/** `[{"Id", "Names": ["/NAME"], "Labels": {}}]`; whatever is of another form is passed over. */
export function parseDockerContainers(body: Buffer, nodeName: string | null): Map<string, ContainerNames> {
  const containers = parseJson(body);
  const names = new Map<string, ContainerNames>();
  for (const container of Array.isArray(containers) ? containers.map(labelsOf) : []) {
    const { Id, Names, Labels } = container;
    if (typeof Id !== 'string') continue;
    // Links of other containers are names with a further slash.
    const own = Array.isArray(Names) ? Names.find((name) => /^\/?[^/]+$/.test(String(name))) : undefined;
    names.set(Id, namesFromLabels(labelsOf(Labels), plainName(String(own ?? '')), 'docker', nodeName));
  }
  return names;
}
