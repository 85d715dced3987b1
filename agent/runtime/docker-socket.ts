/**
 * GET /containers/json of the Docker Engine API over its unix socket: all running containers with names and labels. It
 * needs no root, but the group that may use the socket. Nothing is asked that changes anything.
 */
import { request } from 'node:http';
import { type ContainerNames, labelsOf, namesFromLabels, parseJson } from './container-labels.ts';
import { plainName } from './docker-config.ts';
import { runtimeFileBytesMax } from './runtime-file.ts';

/** Below the root. */
export const dockerSocketPath = '/run/docker.sock';

/** Rejects with Node's error (ENOENT, EACCES, ECONNREFUSED ...), or with that of `signal`. */
export async function listDockerContainers(
  socketPath: string,
  nodeName: string | null,
  signal: AbortSignal,
): Promise<Map<string, ContainerNames>> {
  const body = await get(socketPath, '/containers/json', signal);
  return parseDockerContainers(body, nodeName);
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

function get(socketPath: string, path: string, signal: AbortSignal): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const asked = request({ socketPath, path, signal, agent: false, headers: { host: 'docker' } });
    asked.once('error', reject);
    asked.once('response', (response) => {
      if (response.statusCode !== 200) {
        asked.destroy(new Error(`answered with status ${response.statusCode}`));
        return;
      }
      const chunks: Buffer[] = [];
      let bytes = 0;
      response.on('data', (chunk: Buffer) => {
        chunks.push(chunk);
        bytes += chunk.length;
        if (bytes > runtimeFileBytesMax) asked.destroy(new Error('answered with more than is read'));
      });
      response.once('end', () => resolve(Buffer.concat(chunks)));
      response.once('error', reject);
    });
    asked.end();
  });
}
