/** `npm run sim`: runs seeds one after the other, and says of the first that fails what is wrong and how to see it again. */
import { parseArgs } from 'node:util';
import { invariants } from './checks/invariants.ts';
import { plantedBugs } from './planted/planted-bugs.ts';
import { type Outcome, simulate } from './simulation.ts';

interface Options {
  readonly from: number;
  readonly seeds: number;
  readonly isTraced: boolean;
  /** Runs each twice, and holds their hashes against each other. */
  readonly isTwice: boolean;
  readonly isJson: boolean;
  /** Goes on after a seed that fails, and says of each in one line what is wrong. */
  readonly isAll: boolean;
}

/** How often it is said how far it is. */
const tellEveryMs = 10_000;

if (process.argv.includes('--list-planted')) console.log(JSON.stringify(plantedBugs));
else process.exitCode = await run(optionsOf(process.argv.slice(2)));

function optionsOf(args: readonly string[]): Options {
  const { values } = parseArgs({
    args: [...args],
    options: {
      seeds: { type: 'string', default: '200' },
      from: { type: 'string', default: '1' },
      seed: { type: 'string' },
      trace: { type: 'boolean', default: false },
      twice: { type: 'boolean', default: false },
      json: { type: 'boolean', default: false },
      all: { type: 'boolean', default: false },
    },
  });
  const { seed, trace, twice, json, all } = values;
  return {
    from: Number(seed ?? values.from),
    seeds: seed === undefined ? Number(values.seeds) : 1,
    isTraced: trace,
    isTwice: twice,
    isJson: json,
    isAll: all,
  };
}

async function run({ from, seeds, isTraced, isTwice, isJson, isAll }: Options): Promise<number> {
  const startedMs = performance.now();
  let toldMs = startedMs;
  let [agents, simulatedMs, events, breaches] = [0, 0, 0, 0];
  for (let seed = from; seed < from + seeds; seed++) {
    const outcome = await simulate(seed, isTraced);
    if (outcome.breach !== null && isAll) {
      breaches++;
      console.log(`seed ${seed} breaks ${outcome.breach.message}`);
    } else if (outcome.breach !== null) return tellBreach(outcome, isJson, seed - from + 1);
    if (isTraced) for (const line of outcome.lines) console.log(line);
    if (isTwice) {
      const again = await simulate(seed);
      if (again.hash !== outcome.hash) {
        console.error(`seed ${seed} has the hash ${outcome.hash}, and ${again.hash} when it is run again`);
        return 1;
      }
    }
    agents += outcome.agents;
    simulatedMs += outcome.simulatedMs;
    events += outcome.events;
    if (seeds === 1 && !isJson) console.log(`seed ${seed}: hash ${outcome.hash}, ${outcome.agents} agents`);
    if (performance.now() - toldMs < tellEveryMs) continue;
    toldMs = performance.now();
    console.error(`${seed - from + 1} of ${seeds} seeds`);
  }
  const seconds = (performance.now() - startedMs) / 1000;
  const cpu = process.cpuUsage();
  const cpuMs = (cpu.user + cpu.system) / 1000 / seeds;
  if (isJson) console.log(JSON.stringify({ seeds, seconds, breach: null }));
  else {
    console.log(
      `${seeds - breaches} of ${seeds} seeds passed in ${seconds.toFixed(1)} s (${(seeds / seconds).toFixed(1)} a second, ${cpuMs.toFixed(1)} ms of CPU each): ` +
        `${agents} agents, ${Math.round(simulatedMs / 3_600_000)} simulated hours, ${events} events`,
    );
  }
  return breaches === 0 ? 0 : 1;
}

function tellBreach({ seed, breach, lines }: Outcome, isJson: boolean, seeds: number): number {
  const { invariant, message } = breach!;
  if (isJson) {
    console.log(JSON.stringify({ seeds, breach: { seed, invariant, message } }));
    return 1;
  }
  for (const line of lines) console.error(line);
  console.error(`\nseed ${seed} breaks ${message}`);
  console.error(`${invariant} says: ${invariants[invariant]}`);
  console.error(`see it again: npm run sim -- --seed ${seed} --trace`);
  return 1;
}
