#!/usr/bin/env node
import { exitCodes } from './exit.js';
import { processIo } from './io.js';
import { runCommandLine } from './program.js';

const io = processIo();
// Reached only where nothing is left that could end the command: Node would go with 0, and not a word.
process.once('beforeExit', () => {
  io.err('error: the command waits for something that cannot come any more');
  process.exit(exitCodes.failed);
});
void runCommandLine(process.argv.slice(2), io).then(async (code) => {
  await io.flush();
  // A connection that is still closing, or a handler's own timer, must not hold the prompt.
  process.exit(code);
});
