/**
 * MPTCP connections that open, speak, half-close and close, by system calls, since node has no such sockets. Where the
 * kernel has none either, nothing happens. A second path opens when there is an endpoint for it (`ip mptcp endpoint`).
 */
import koffi from 'koffi';

const family = 2;
const mptcp = 262;
const nonBlocking = 0o4000;
/** What a connection says, once in each direction. */
const wordBytes = 100;

const library = koffi.load(null);
const calls = {
  socket: library.func('int socket(int, int, int)'),
  bind: library.func('int bind(int, void *, uint32_t)'),
  listen: library.func('int listen(int, int)'),
  connect: library.func('int connect(int, void *, uint32_t)'),
  accept: library.func('int accept4(int, void *, void *, int)'),
  write: library.func('int64_t write(int, void *, size_t)'),
  read: library.func('int64_t read(int, void *, size_t)'),
  shutdown: library.func('int shutdown(int, int)'),
  close: library.func('int close(int)'),
};

/** struct sockaddr_in. */
function address(ip, port) {
  return Buffer.from([2, 0, port >> 8, port & 255, ...ip.split('.').map(Number), 0, 0, 0, 0, 0, 0, 0, 0]);
}

/** Steps that a churning process takes now and then; none where there is no MPTCP. */
export function mptcpSteps(ip, port, pick) {
  const listener = calls.socket(family, 1, mptcp);
  if (listener < 0) return {};
  const to = address(ip, port);
  calls.bind(listener, to, to.length);
  calls.listen(listener, 64);
  const open = [];
  const bytes = Buffer.alloc(wordBytes);
  const takeOne = () => open.splice(open.indexOf(pick(open)), 1)[0];
  return {
    mptcpOpen: () => {
      const client = calls.socket(family, 1, mptcp);
      // Over loopback it stands at once.
      calls.connect(client, to, to.length);
      open.push(client);
      const server = calls.accept(listener, null, null, nonBlocking);
      if (server < 0) return;
      open.push(server);
      calls.write(client, bytes, wordBytes);
      calls.read(server, bytes, wordBytes);
      calls.write(server, bytes, wordBytes);
    },
    mptcpHalfClose: () => {
      if (open.length > 0) calls.shutdown(pick(open), 1);
    },
    mptcpClose: () => {
      while (open.length > 20) calls.close(takeOne());
      if (open.length > 0) calls.close(takeOne());
    },
  };
}
