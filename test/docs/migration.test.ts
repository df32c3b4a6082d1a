import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, it } from '@jest/globals';
import ts from 'typescript';
import * as rxrq from '../../src/index.js';
import { docBlocks } from '../support/doc-blocks.js';

const { FailedRegistry, Group, Job, Queue, Registry, Rq, ScheduledRegistry } = rxrq;
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

it("docs/migration.md: what stands for RQ's API is there", () => {
  const page = readFileSync(join(root, 'docs/migration.md'), 'utf8');
  const ours = (page.split("### The rest of RQ's API")[1] ?? '')
    .split('\n###')[0]
    ?.split('\n')
    .filter((line) => line.startsWith('|'))
    .map((line) => line.slice(0, -1).split('|').at(-1) ?? '')
    .join('\n');
  const classes = {
    ...{ rq: Rq, queue: Queue, job: Job, group: Group, registry: Registry },
    ...{ scheduled: ScheduledRegistry, failed: FailedRegistry },
  };
  const calls = [...(ours ?? '').matchAll(/\b(\w+)\.(\w+)\(/g)].filter(([, of]) =>
    Object.hasOwn(classes, of as string),
  );
  expect(calls.length).toBeGreaterThan(30);
  for (const [call, of, method] of calls) {
    const { prototype } = classes[of as keyof typeof classes];
    expect([call, (method as string) in prototype]).toEqual([call, true]);
  }
  const exported = [...(ours ?? '').matchAll(/`((?:boot|define|rqInPlace)\w*|\w+Error)\b/g)];
  for (const [, name] of exported) expect(Object.keys(rxrq)).toContain(name);
});
