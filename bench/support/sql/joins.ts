/** The question that databases are asked, in SQL that all of them speak: which halves of a table are each other's far end. */

/** Of a table of halves. Addresses are signed numbers. */
export const columnTypes =
  'host integer, slot integer, local integer, remote integer, lport integer, rport integer';

const mirrored = 'b.local = a.remote and b.remote = a.local and b.lport = a.rport and b.rport = a.lport';

/** Each connection once: its two halves lie in opposite order. */
const isLesser = 'a.local < a.remote or (a.local = a.remote and a.lport < a.rport)';

/** How many connections there are; the sum has both rows of each looked at. */
export const joinAll = `select count(*), sum(a.host + b.host) from halves a join halves b on ${mirrored} where ${isLesser}`;

/** The same of those whose lesser half is in the table `fresh`. */
export const joinFresh = `select count(*), sum(a.host + b.host) from fresh a join halves b on ${mirrored} where ${isLesser}`;
