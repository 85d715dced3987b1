/**
 * Bounds of what one agent may say. The agent keeps within them, the aggregator refuses what goes beyond, so that no
 * host can make the aggregator hold more than its share. Text lengths are in UTF-16 units, as JavaScript counts.
 */

/** Sockets of one agent at a time: live ones, and closed ones whose close is not acknowledged. Slots are below this. */
export const slotsMax = 1 << 20;

/** Closed sockets that an agent keeps for resending until their close is acknowledged. */
export const closedUnackedMax = 1 << 16;

/** Messages with rows that an agent sends ahead of their acknowledgement. */
export const sendWindowBatches = 64;

/** Bytes that an agent sends ahead of their acknowledgement. */
export const sendWindowBytes = 1 << 20;

/** Entries of the per-stream dictionaries. */
export const processDefinitionsMax = 1 << 18;
export const netnsDefinitionsMax = 1 << 14;
export const addressDefinitionsMax = 1 << 16;

/** Owners of one socket, counted as (process, fd) pairs; a prefork server has one pair per worker. */
export const ownerPairsMax = 8192;

/** Addresses, and host-local networks, of one namespace. */
export const netnsAddressesMax = 1024;

/** Gaps in one message. */
export const gapsPerMessageMax = 64;

/** Sentences in cannot_see. */
export const cannotSeeMax = 32;

/** Labels of one host. */
export const labelsMax = 64;

/** Longest text per kind of field. */
export const textLimits = {
  /** comm, user, unit, what names containers and pods, device, host id, host name, realm, boot id, collector, kernel, label key. */
  name: 256,
  /** exe, program, and label values: PATH_MAX of the kernel. */
  path: 4096,
  /** Command lines; the agent cuts longer ones. */
  cmdline: 8192,
  /** Sentences for people: cannot_see, the reason of a gap. */
  sentence: 512,
} as const;
