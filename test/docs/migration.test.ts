import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, it } from '@jest/globals';
import ts from 'typescript';
import { docBlocks } from '../support/doc-blocks.js';

const root = fileURLToPath(new URL('../../', import.meta.url));

it('docs/migration.md: our side has the right types', () => {
  const directory = mkdtempSync(join(tmpdir(), 'rxrq-migration-'));
  try {
    mkdirSync(join(directory, 'node_modules'));
    symlinkSync(root, join(directory, 'node_modules/rxrq'));
    symlinkSync(join(root, 'node_modules/@types'), join(directory, 'node_modules/@types'));
    writeFileSync(join(directory, 'package.json'), '{ "type": "module" }');
    const blocks = docBlocks('migration.md').filter(({ language }) => language === 'ts');
    expect(blocks.length).toBeGreaterThan(4);
    const files = blocks.map(({ file, code }) => {
      writeFileSync(join(directory, file), code);
      return join(directory, file);
    });
    const program = ts.createProgram(files, {
      strict: true,
      target: ts.ScriptTarget.ES2022,
      module: ts.ModuleKind.NodeNext,
      moduleResolution: ts.ModuleResolutionKind.NodeNext,
      skipLibCheck: true,
      noEmit: true,
      types: ['node'],
      typeRoots: [join(root, 'node_modules/@types')],
    });
    const told = ts.getPreEmitDiagnostics(program).map(({ file, messageText, start = 0 }) => {
      const line = file ? file.getLineAndCharacterOfPosition(start).line + 1 : 0;
      return `${file?.fileName.split('/').at(-1)}:${line} ${ts.flattenDiagnosticMessageText(messageText, ' ')}`;
    });
    expect(told).toEqual([]);
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}, 120_000);
