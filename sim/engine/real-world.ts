/** Keeps the clock, the timers and the chance of this machine out of a simulation: whoever asks for them makes it fail. */

const forbidden = ['setTimeout', 'setInterval', 'setImmediate'] as const;

/** Runs something that may use none of them; random numbers are those that are given. */
export async function withoutRealWorld<Result>(
  random: () => number,
  run: () => Promise<Result>,
): Promise<Result> {
  const kept = forbidden.map((name) => globalThis[name]);
  const [now, monotonic, chance] = [Date.now, performance.now, Math.random];
  for (const name of forbidden) Reflect.set(globalThis, name, () => refuse(name));
  Date.now = () => refuse('Date.now');
  performance.now = () => refuse('performance.now');
  Math.random = random;
  try {
    return await run();
  } finally {
    forbidden.forEach((name, n) => Reflect.set(globalThis, name, kept[n]));
    Date.now = now;
    performance.now = monotonic;
    Math.random = chance;
  }
}

function refuse(name: string): never {
  throw new Error(`${name} of the real world was asked for in a simulation`);
}
