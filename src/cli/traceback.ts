import { fileURLToPath } from 'node:url';
import { escapeLines } from './escape.js';

const mostMessageLines = 10;
const mostFrames = 5;
const pythonFramesKept = 3;

// Frames of Node itself and of our executors, of this copy or another one, tell nothing about the handler.
const ownFiles = fileURLToPath(new URL('../', import.meta.url));
const isForeign = (frame: string): boolean =>
  /\(?node:/.test(frame) || frame.includes(ownFiles) || frame.includes('/rxrq/dist/');

/** The part of a traceback, Node's or Python's, that says what went wrong in the user's code; escaped lines. */
export const usefulTraceback = (traceback: string): string[] => {
  const text = traceback.slice(0, 64_000).trimEnd();
  if (text === '') return [];
  return text.startsWith('Traceback (most recent call last)')
    ? usefulPython(text)
    : usefulNode(text);
};

const usefulNode = (text: string): string[] => {
  const lines = escapeLines(text, 1_000);
  const frames = lines.filter((line) => /^\s+at /.test(line));
  const own = frames.filter((line) => !isForeign(line));
  const kept = new Set((own.length > 0 ? own : frames).slice(0, mostFrames));
  const useful: string[] = [];
  let messageLines = 0;
  for (const line of lines) {
    if (/^\s+at /.test(line)) {
      if (kept.delete(line)) useful.push(line);
    } else if (messageLines < mostMessageLines) {
      messageLines += 1;
      useful.push(line);
    }
  }
  return useful;
};

// The last frames are the handler's, and the last lines the error.
const usefulPython = (text: string): string[] => {
  const lines = escapeLines(text, 2_000);
  const frames = lines.flatMap((line, at) => (/^ {2}File "/.test(line) ? [at] : []));
  const from = frames.at(-pythonFramesKept) ?? 1;
  return [lines[0] as string, ...lines.slice(from).slice(0, 40)];
};

/** The line of a traceback that names the error: Node's first, Python's last. Not escaped. */
export const errorLine = (traceback: string): string => {
  const lines = traceback.slice(0, 64_000).trim().split('\n');
  return ((traceback.startsWith('Traceback') ? lines.at(-1) : lines[0]) ?? '').slice(0, 500);
};
