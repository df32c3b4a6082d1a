import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { type Fault, faults, faultsOf } from '../catalogue.mjs';

const tests = new URL('../../', import.meta.url);

/** The begin of a test: what calls it, and its name. */
const begin = /\b(\w+)(?:\.\w+)*(?:\([^()]*(?:\([^()]*\)[^()]*)*\))?\(\s*(['"`])((?:(?!\2).)*)\2/gs;

interface Named {
  readonly file: string;
  readonly title: string;
  /** In the long form only. */
  readonly isSlow: boolean;
}

const namesIn = (file: string): Named[] =>
  [...readFileSync(new URL(`${file}.test.ts`, tests), 'utf8').matchAll(begin)].map(
    ([, caller, , title]) => ({ file, title: title ?? '', isSlow: caller === 'slow' }),
  );

/** Every test of this folder that begins with the number of a fault. */
export const numbered: readonly Named[] = readdirSync(new URL('faults/', tests))
  .filter((name) => name.endsWith('.test.ts'))
  .flatMap((name) => namesIn(`faults/${name.slice(0, -'.test.ts'.length)}`))
  .filter(({ title }) => faultsOf(title).length > 0);

/** `file: begin of the name`, taken apart. */
export const elsewhereOf = ({ elsewhere = [] }: Fault): Array<{ file: string; name: string }> =>
  elsewhere.map((text) => {
    const [file = '', ...rest] = text.split(': ');
    return { file, name: rest.join(': ') };
  });

/** Whether the file holds a test whose name begins so. */
export const holds = (file: string, name: string): boolean => {
  const url = new URL(`${file}.test.ts`, tests);
  return (
    existsSync(url) && ["'", '"', '`'].some((q) => readFileSync(url, 'utf8').includes(q + name))
  );
};

/** The files whose tests show a fault, the long ones marked. */
export const filesOf = (fault: Fault): string[] => {
  const own = numbered.filter(({ title }) => faultsOf(title).includes(fault.number));
  const isLong = (file: string): boolean =>
    own.filter((each) => each.file === file).every(({ isSlow }) => isSlow);
  const files = [...new Set(own.map(({ file }) => file))].map((file) =>
    isLong(file) ? `${file} (long)` : file,
  );
  return [...new Set([...files, ...elsewhereOf(fault).map(({ file }) => file)])];
};

export { faults };
