/** Which rungs a soak is about. */
import { examineRungs } from '../../agent/collect/ladder.ts';
import type { RungName } from '../../agent/collect/source.ts';

/** Those that were named, or that work here; why others do not is printed. @param named comma-separated; '' = all */
export async function chooseRungs(named: string): Promise<RungName[]> {
  const reports = await examineRungs();
  const wanted = named === '' ? reports : reports.filter(({ name }) => named.split(',').includes(name));
  for (const { name, problem } of wanted) if (problem !== null) console.log(`${name}: left out, ${problem}`);
  return wanted.filter(({ problem }) => problem === null).map(({ name }) => name);
}
