/**
 * A program that talks: answers on a port, and keeps calling others over connections that live for some seconds.
 *
 *   demo-traffic.mjs [--listen PORT] [--call HOST:PORT]...
 */
import net from 'node:net';
import { parseArgs } from 'node:util';

/** Connections that it keeps open to each callee. */
const connectionsPerCallee = 3;
/** A connection ends after a random time up to this, and the next one begins. */
const connectionLifeMaxMs = 30_000;
const callEveryMs = 500;
const retryAfterMs = 1_000;

const { values } = parseArgs({
  options: { listen: { type: 'string' }, call: { type: 'string', multiple: true, default: [] } },
});

if (values.listen !== undefined) {
  net
    .createServer((caller) => {
      caller.on('error', () => caller.destroy());
      caller.pipe(caller);
    })
    .listen(Number(values.listen));
}

for (const callee of values.call) {
  for (let i = 0; i < connectionsPerCallee; i++) keepCalling(callee);
}

function keepCalling(callee) {
  const [host, port] = callee.split(':');
  const connection = net.connect({ host, port: Number(port) });
  const calling = setInterval(() => connection.write('ping\n'), callEveryMs);
  const life = setTimeout(() => connection.end(), Math.random() * connectionLifeMaxMs);
  connection.on('error', () => {});
  connection.resume();
  connection.on('close', () => {
    clearInterval(calling);
    clearTimeout(life);
    setTimeout(() => keepCalling(callee), retryAfterMs);
  });
}
