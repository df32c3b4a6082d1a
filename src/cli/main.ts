#!/usr/bin/env node
import { processIo } from './io.js';
import { runCommandLine } from './program.js';

const io = processIo();
void runCommandLine(process.argv.slice(2), io).then(async (code) => {
  await io.flush();
  // A connection that is still closing, or a handler's own timer, must not hold the prompt.
  process.exit(code);
});
