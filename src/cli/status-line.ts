import type { Io } from './io.js';

const clearLine = '\r\u001b[2K';
const drawEveryMs = 250;

/** The live last line of a terminal. Other lines go above it. */
export class StatusLine {
  private isDrawn = false;
  private drawn = '';
  private readonly timer: NodeJS.Timeout;

  /** `text` is asked four times a second, and must be plain and escaped; it is cut to the terminal's width. */
  constructor(
    private readonly io: Io,
    private readonly text: () => string,
  ) {
    this.timer = setInterval(() => this.draw(), drawEveryMs).unref();
  }

  /** Prints a line above. The status comes back with the next drawing: a burst of lines is not slowed by it. */
  above(line: string): void {
    this.io.write(`${this.isDrawn ? clearLine : ''}${line}\n`);
    this.isDrawn = false;
  }

  draw(): void {
    const text = this.text().slice(0, this.io.columns - 1);
    if (this.isDrawn && text === this.drawn) return;
    this.drawn = text;
    this.io.write(`${clearLine}${this.io.colors.dim(text)}`);
    this.isDrawn = true;
  }

  end(): void {
    clearInterval(this.timer);
    if (this.isDrawn) this.io.write(clearLine);
    this.isDrawn = false;
  }
}
