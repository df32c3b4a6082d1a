/** The way to something that must not happen, one step a line. */
export class Counterexample extends Error {
  override readonly name = 'Counterexample';

  constructor(
    scope: string,
    readonly steps: readonly string[],
    cause: unknown,
  ) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    const lines = steps.map((step, at) => `  ${String(at + 1).padStart(2)}  ${step}`);
    super(readable(`${reason}\n${lines.join('\n')}\n(scope: ${scope})`), { cause });
  }
}

// A worker's tag holds its place and its life; what follows is the number of the call and of the job in it.
const readable = (text: string): string =>
  text.replace(
    /a{8}(\d)([0-9a-f]{3})([0-9a-f]{12})([0-9a-f]{8})?/g,
    (_, slot: string, life: string, call: string, job?: string) => {
      const worker = `w${Number(slot) + 1}${life === '000' ? '' : `-${Number.parseInt(life, 16) + 1}`}`;
      return `${worker}#${Number.parseInt(call, 16)}${job ? `.${Number.parseInt(job, 16)}` : ''}`;
    },
  );
