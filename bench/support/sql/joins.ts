/** What databases are asked, in SQL that all of them speak: which halves of a table are each other's far end. */

/** Of a table of halves. Addresses are signed numbers. */
export const columnTypes =
  'host integer, slot integer, local integer, remote integer, lport integer, rport integer';

const mirrored = 'b.local = a.remote and b.remote = a.local and b.lport = a.rport and b.rport = a.lport';

/** Each connection once: its two halves lie in opposite order. */
const isLesser = 'a.local < a.remote or (a.local = a.remote and a.lport < a.rport)';

const from = (table: string): string => `from ${table} a join halves b on ${mirrored} where ${isLesser}`;

/** Connections whose lesser half is in that table: which socket of whom talks to which of whom. */
const pairsOf = (table: string): string =>
  `select a.host as host_a, a.slot as slot_a, b.host as host_b, b.slot as slot_b ${from(table)}`;

/** Puts the connections of all halves into the table `pairs`, which the core has as rows afterwards. */
export const joinAll = `create table pairs as ${pairsOf('halves')}`;

/** The same where writes need not outlive a crash, as PostgreSQL says it. */
export const joinAllUnlogged = joinAll.replace('create', 'create unlogged');

/** How many connections there are, and nothing of them kept; the sum has both rows of each looked at. */
export const countAll = `select count(*), sum(a.host + b.host) ${from('halves')}`;

export const countPairs = 'select count(*) from pairs';

/** What has come: the table `fresh`, halves that complete each other. */
export const addFresh = [
  'insert into halves select * from fresh',
  `insert into pairs ${pairsOf('fresh')}`,
] as const;

/** What has gone: the table `gone`, halves of connections of which both ends are in it. */
export const removeGone = [
  'delete from halves where (host, slot) in (select host, slot from gone)',
  'delete from pairs where (host_a, slot_a) in (select host, slot from gone)',
] as const;
