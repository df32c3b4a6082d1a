const longestLine = 8_192;
const mostOpen = 1_000;

/** Cuts what handlers print into lines, for each job and stream by itself. */
export class OutputLines {
  private readonly open = new Map<string, { jobId: string | null; stream: string; text: string }>();

  constructor(
    private readonly onLine: (jobId: string | null, stream: string, line: string) => void,
  ) {}

  take(jobId: string | null, stream: 'stdout' | 'stderr', text: string): void {
    const key = `${stream} ${jobId ?? ''}`;
    const lines = ((this.open.get(key)?.text ?? '') + text).split(/\r?\n/);
    const rest = lines.pop() as string;
    for (const line of lines) this.onLine(jobId, stream, line);
    this.open.delete(key);
    // A line without an end must not grow for ever, nor the number of such lines.
    if (rest.length > longestLine || this.open.size >= mostOpen) this.onLine(jobId, stream, rest);
    else if (rest !== '') this.open.set(key, { jobId, stream, text: rest });
  }

  /** A job is over: its unended lines are lines. Without an id, everybody's. */
  flush(jobId?: string): void {
    if (this.open.size === 0) return;
    for (const [key, open] of this.open) {
      if (jobId !== undefined && open.jobId !== jobId) continue;
      this.open.delete(key);
      this.onLine(open.jobId, open.stream, open.text);
    }
  }
}
