import { Session } from 'node:inspector';

interface Range {
  startOffset: number;
  endOffset: number;
  count: number;
}

interface Coverage {
  result: Array<{
    url: string;
    functions: Array<{ ranges: Range[]; isBlockCoverage: boolean }>;
  }>;
}

/** Which code below a directory has been run, block by block, as V8 counts it. */
export class Reached {
  readonly #session = new Session();
  readonly #functions = new Map<string, Uint8Array>();
  #scratch = new Uint8Array(1 << 16);
  /** Characters of code that have been run. */
  characters = 0;

  /** @param directory as a file URL; nothing in it is loaded yet */
  constructor(private readonly directory: string) {
    this.#session.connect();
    this.#session.post('Profiler.enable');
    this.#session.post('Profiler.startPreciseCoverage', { callCount: true, detailed: true });
  }

  /** Whether anything was run since the last question that never was before it was learnt. */
  hasNew(): boolean {
    return this.#take(false) > 0;
  }

  /** Learns what was run since the last question; whether any of it was new. */
  learn(): boolean {
    const found = this.#take(true);
    this.characters += found;
    return found > 0;
  }

  #take(isLearnt: boolean): number {
    let found = 0;
    this.#session.post('Profiler.takePreciseCoverage', (error, taken) => {
      if (error) throw error;
      for (const { url, functions } of (taken as Coverage).result) {
        if (!url.startsWith(this.directory)) continue;
        for (const { ranges, isBlockCoverage } of functions)
          if (isBlockCoverage) found += this.#note(url, ranges, isLearnt);
      }
    });
    return found;
  }

  close(): void {
    this.#session.disconnect();
  }

  // The first range is the function, those after it lie within the ones before. A function has a map of its own: the
  // text of another one inside it is not run with it.
  #note(url: string, ranges: readonly Range[], isLearnt: boolean): number {
    const [whole] = ranges;
    if (!whole) return 0;
    const { startOffset, endOffset } = whole;
    const length = endOffset - startOffset;
    if (this.#scratch.length < length) this.#scratch = new Uint8Array(2 * length);
    const now = this.#scratch;
    for (const range of ranges)
      now.fill(
        range.count > 0 ? 1 : 0,
        range.startOffset - startOffset,
        range.endOffset - startOffset,
      );
    const name = `${url}:${startOffset}-${endOffset}`;
    const ever = this.#functions.get(name) ?? new Uint8Array(length);
    this.#functions.set(name, ever);
    let found = 0;
    for (let at = 0; at < length; at++) {
      if (now[at] === 0 || ever[at] === 1) continue;
      found += 1;
      if (isLearnt) ever[at] = 1;
    }
    return found;
  }
}
