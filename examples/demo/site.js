// @ts-check
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { setTimeout as delay } from 'node:timers/promises';

const text = readFileSync(new URL('./pages.txt', import.meta.url), 'utf8');
const paragraphs = text.trim().split(/\n\s*\n/);

/**
 * A small web site on the loopback: real prose, as slow as a real site, and with faults that can be
 * repaired. Some of its pages are missing, some never answer.
 */
export class Site {
  #isRepaired = false;
  #server = createServer((request, response) => void this.#answer(request.url ?? '', response));

  /** @param {{ missing: ReadonlySet<string>, hanging: ReadonlySet<string> }} faults */
  constructor(faults) {
    this.faults = faults;
  }

  async open() {
    this.#server.listen(0, '127.0.0.1');
    await once(this.#server, 'listening');
    const { port } = /** @type {import('node:net').AddressInfo} */ (this.#server.address());
    this.origin = `http://127.0.0.1:${port}`;
  }

  /** What a page says when nothing is wrong. @param {string} path */
  static textOf(path) {
    const number = Number(path.match(/\d+/)?.[0] ?? 0);
    const picked = [0, 5, 7].map((step) => paragraphs[(number + step) % paragraphs.length]);
    return picked.slice(0, 1 + (number % 3)).join('\n\n');
  }

  repair() {
    this.#isRepaired = true;
  }

  async close() {
    this.#server.closeAllConnections();
    this.#server.close();
    await once(this.#server, 'close');
  }

  /** @param {string} path @param {import('node:http').ServerResponse} response */
  async #answer(path, response) {
    const isFaulty = !this.#isRepaired;
    if (isFaulty && this.faults.hanging.has(path)) return;
    await delay(
      path === '/long-read' ? 1_500 : 20 + ((path.length * 17 + Number(path.at(-1))) % 40),
    );
    response.statusCode = isFaulty && this.faults.missing.has(path) ? 404 : 200;
    response.end(response.statusCode === 200 ? Site.textOf(path) : 'no such page');
  }
}
