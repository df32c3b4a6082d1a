import { readFileSync } from 'node:fs';

export interface DocBlock {
  /** `js`, `python`, `sh`, …; empty for what something prints. */
  language: string;
  /** What stands behind the language: the file that the block is. */
  file: string;
  code: string;
  heading: string;
}

/** The fenced blocks of a page in `docs`, in their order. */
export const docBlocks = (page: string): DocBlock[] => {
  const text = readFileSync(new URL(`../../docs/${page}`, import.meta.url), 'utf8');
  const blocks: DocBlock[] = [];
  let heading = '';
  let open: DocBlock | null = null;
  for (const line of text.split('\n')) {
    const fence = /^```(\S*) ?(.*)$/.exec(line);
    if (!fence) {
      if (open) open.code += `${line}\n`;
      else heading = /^#+ (.*)$/.exec(line)?.[1] ?? heading;
    } else if (open) {
      blocks.push(open);
      open = null;
    } else {
      open = { language: fence[1] ?? '', file: fence[2] ?? '', code: '', heading };
    }
  }
  if (open) throw new Error(`${page}: a block under "${open.heading}" is never closed`);
  return blocks;
};
