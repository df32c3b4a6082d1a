// Jest's way to a file, for the imports of our own tests only:
// `../../src/x.js` is answered by the compiled `dist/x.js`, so that forked children, Lua files and
// decorators are those of the package; `./x.js` beside a test is the `x.ts` that it names.
const { existsSync } = require('node:fs');
const { join, resolve } = require('node:path');

const root = resolve(__dirname, '../..');
const tests = join(root, 'test');
const src = join(root, 'src/');

/** @type {import('jest-resolve').SyncResolver} */
exports.sync = (request, options) => {
  const isOurs = options.basedir === tests || options.basedir.startsWith(`${tests}/`);
  if (!isOurs || !request.startsWith('.')) return options.defaultResolver(request, options);
  const target = resolve(options.basedir, request);
  if (target.startsWith(src)) {
    return options.defaultResolver(join(root, 'dist', target.slice(src.length)), options);
  }
  const written = target.replace(/\.js$/, '.ts');
  return existsSync(written) ? written : options.defaultResolver(request, options);
};
