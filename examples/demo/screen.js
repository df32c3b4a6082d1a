// @ts-check
import picocolors from 'picocolors';

const { stdout } = process;
const isTerminal = stdout.isTTY === true;
const barWidth = 40;

// By default picocolors colours in CI as well; there plain lines are easier to read.
export const colours = picocolors.createColors(isTerminal && !process.env.NO_COLOR);

/** Lines that scroll, and below them one progress bar: on a terminal it moves, elsewhere it speaks up in tenths. */
export class Screen {
  #done = 0;
  #total = 0;
  #label = '';

  /** Begins a new bar. @param {string} label @param {number} total */
  expect(label, total) {
    this.#label = label;
    this.#total = total;
    this.#done = 0;
    this.#draw();
  }

  /** @param {number} done */
  progress(done) {
    const tenth = (/** @type {number} */ n) => Math.floor((10 * n) / this.#total);
    const isNews = isTerminal ? done !== this.#done : tenth(done) > tenth(this.#done);
    this.#done = done;
    if (isNews) this.#draw();
  }

  /** The heading of a scene. @param {string} text */
  scene(text) {
    this.line(`\n${colours.bold(text)}`);
  }

  /** @param {string} text */
  line(text) {
    if (isTerminal) stdout.write('\r\x1b[2K');
    stdout.write(`${text}\n`);
    if (isTerminal) this.#draw();
  }

  /** The bar stays where it is, full or not. */
  end() {
    if (isTerminal && this.#total > 0) stdout.write('\n');
    this.#total = 0;
  }

  #draw() {
    if (this.#total === 0) return;
    const numbers = `${this.#done}/${this.#total} ${this.#label}`;
    if (!isTerminal) {
      stdout.write(`  ${numbers}\n`);
      return;
    }
    const filled = Math.round((barWidth * this.#done) / this.#total);
    const bar = colours.green('█'.repeat(filled)) + colours.dim('░'.repeat(barWidth - filled));
    stdout.write(`\r\x1b[2K  ${bar} ${numbers}`);
  }
}
