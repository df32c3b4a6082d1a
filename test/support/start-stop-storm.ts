/** The two verbs of everything that lives long. */
export interface Part {
  start(): Promise<unknown>;
  /** May come first, or twice; resolves when nothing of the part is running any more. */
  stop(): Promise<unknown>;
}

/** Ways to treat a part badly. In all of them every `stop` has to resolve. */
const treatments: Record<string, (part: Part) => Promise<unknown>> = {
  'stopped when it was up': async (part) => {
    await part.start();
    await part.stop();
  },
  'stopped while it started': async (part) => {
    const starting = part.start();
    await Promise.all([
      part.stop(),
      starting.catch(() => 'a start may fail when a stop overtakes it'),
    ]);
  },
  'stopped a moment after its start began': async (part) => {
    const starting = part.start().catch(() => 'as above');
    await new Promise(setImmediate);
    await Promise.all([part.stop(), starting]);
  },
  'stopped by a crowd': async (part) => {
    await part.start();
    await Promise.all(Array.from({ length: 5 }, () => part.stop()));
  },
  'stopped again when it was gone': async (part) => {
    await part.start();
    await part.stop();
    await part.stop();
  },
  'stopped before it was ever started': (part) => part.stop(),
};

/**
 * Starts and stops `rounds` new parts in every way there is, one after the other and all at once.
 *
 * @param make a new part, which no other round uses
 * @param check called after each round; throws when something of the part is left
 * @throws what a part threw, with the name of the treatment
 */
export async function startStopStorm(
  make: () => Part,
  { rounds = 20, check = (): void => undefined }: { rounds?: number; check?: () => void } = {},
): Promise<void> {
  const all = Object.entries(treatments);
  const treat = async ([name, treatment]: (typeof all)[number]): Promise<void> => {
    try {
      await treatment(make());
    } catch (cause) {
      throw new Error(`A part that was ${name} failed`, { cause });
    }
  };
  for (let round = 0; round < rounds; round++) {
    for (const each of all) await treat(each);
    check();
    await Promise.all(all.map(treat));
    check();
  }
}
