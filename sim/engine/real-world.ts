/** Keeps the clock, the timers and the chance of this machine out of a simulation: whoever asks for them makes it fail. */

/** Where they are. */
const places: readonly (readonly [object, string])[] = [
  [globalThis, 'setTimeout'],
  [globalThis, 'setInterval'],
  [globalThis, 'setImmediate'],
  [Date, 'now'],
  [performance, 'now'],
  [Math, 'random'],
];

/** Runs something that may use none of them; random numbers are those that are given. */
export async function withoutRealWorld<Result>(
  random: () => number,
  run: () => Promise<Result>,
): Promise<Result> {
  const stood = places.map(([object, name]): unknown => Reflect.get(object, name));
  for (const [object, name] of places) Reflect.set(object, name, () => refuse(name));
  Math.random = random;
  try {
    return await run();
  } finally {
    for (const [n, [object, name]] of places.entries()) Reflect.set(object, name, stood[n]);
  }
}

function refuse(name: string): never {
  throw new Error(`${name} of the real world was asked for in a simulation`);
}
