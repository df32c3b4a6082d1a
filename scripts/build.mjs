// @ts-check
import { build } from './install-and-build.mjs';
import { command } from './running.mjs';

await command(build);
