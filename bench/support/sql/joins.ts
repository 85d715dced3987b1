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

/** What has come: the table `fresh`. */
export const addHalves = 'insert into halves select * from fresh';

/** What has gone: the table `gone`. */
export const removeHalves = 'delete from halves where (host, slot) in (select host, slot from gone)';

const lesserOf = (column: string): string => `case when ${isLesser} then a.${column} else b.${column} end`;
const greaterOf = (column: string): string => `case when ${isLesser} then b.${column} else a.${column} end`;

/**
 * What follows for the pairs, whichever ends have come and gone: one at least of each. Where both have come they are found
 * twice, and taken once.
 */
export const followInPairs = [
  `delete from pairs where (host_a, slot_a) in (select host, slot from gone)
     or (host_b, slot_b) in (select host, slot from gone)`,
  `insert into pairs
     select ${lesserOf('host')}, ${lesserOf('slot')}, ${greaterOf('host')}, ${greaterOf('slot')}
     from fresh a join halves b on ${mirrored}
     where ${isLesser} or (b.host, b.slot) not in (select host, slot from fresh)`,
] as const;

/** The pairs of all halves that there are by now, instead. */
export const joinAnew = joinAll.replace('create', 'create or replace');
