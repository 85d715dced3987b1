/** Constants that both sides of the wire share. */

/** Version of the Ingest protocol. An aggregator refuses any other in Hello. */
export const protocolVersion = 2;

/** Upper bound of one encoded message in either direction; also grpc-js's own receive limit is set to it. */
export const maxMessageBytes = 1 << 20;

/** How often an agent says that it lives. */
export const heartbeatIntervalMs = 10_000;

/** Bits of AgentMessage.flags. */
export const messageFlags = { snapshotBegin: 1, snapshotEnd: 2 } as const;

/** open_unseen_ms: nobody looked before the socket was first seen. */
export const neverLooked = 0xffffffff;

/** nat_role: what the slot is to the conversation that conntrack sees. */
export const natRoles = { client: 1, server: 2, forwarder: 3 } as const;

/** open_fd and owner_fd: the process holds the socket, or held it, under an fd that nobody knows. */
export const unknownFd = 0xffffffff;

/** Default of `--server`, and of the aggregator's `--listen`. */
export const defaultGrpcAddress = '127.0.0.1:7443';

/** Default of the aggregator's `--http`. */
export const defaultHttpAddress = '127.0.0.1:7480';

/** `apiVersion` of every document. */
export const apiVersion = 'whotalks/v1';
