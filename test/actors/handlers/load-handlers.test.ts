import { fileURLToPath } from 'node:url';
import { describe, expect, it } from '@jest/globals';
import { HandlerModuleError } from '../../../src/actors/handlers/errors.js';
import { handlerModuleUrl, loadHandlers } from '../../../src/actors/handlers/load-handlers.js';

const fixture = (name: string) => new URL(`./fixtures/${name}`, import.meta.url);

describe('loading handlers', () => {
  it('names an export as Python does: tasks.add', async () => {
    for (const module of [
      fixture('tasks.js'),
      fixture('tasks.js').href,
      fileURLToPath(fixture('tasks.js')),
    ]) {
      const handlers = await loadHandlers([module]);
      expect(handlers.names()).toEqual(['tasks.add']);
      expect(handlers.get('tasks.add')?.(1, 2)).toBe(3);
    }
  });

  it('reads CommonJS, functions only', async () => {
    expect((await loadHandlers([fixture('legacy.cjs')])).names()).toEqual(['legacy.add']);
  });

  it.each([
    ['data:text/javascript,export const a = 1'],
    ['node:child_process'],
    ['https://example.org/x.js'],
  ])('takes files only, not %s', (module) => {
    expect(() => handlerModuleUrl(module)).toThrow(HandlerModuleError);
  });

  it.each(['missing.js', 'broken.ts'])(
    'says which module did not load, and why: %s',
    async (name) => {
      const error = await loadHandlers([fixture(name)]).catch((caught: unknown) => caught);
      expect(error).toBeInstanceOf(HandlerModuleError);
      expect(error).toMatchObject({ url: fixture(name).href, cause: expect.anything() });
    },
  );
});

// Jest's own module loader stands between a test and jiti, so the child shows what users get.
describe('TypeScript with decorators, in a child', () => {
  it('keeps its metadata and shares the one current job', async () => {
    const { startChild, endAll, job } = await import('../executor/support/lab.js');
    const { names, run, ledger } = await startChild({
      modules: [fixture('reports.ts').href],
      bootModule: new URL('./fixtures/boot.js', import.meta.url).href,
      config: { greeting: 'hello' },
    });
    expect(names).toEqual([
      'ReportService.build',
      'ReportService.jobId',
      'reports.ReportService.build',
      'reports.ReportService.jobId',
      'reports.plain',
    ]);
    const built = await run(job('ReportService.build', ['sales']));
    expect(built.outcome).toMatchObject({ kind: 'returned' });
    expect(JSON.parse(String(built.outcome.result))).toBe('sales at noon');
    const own = job('reports.ReportService.jobId');
    expect(JSON.parse(String((await run(own)).outcome.result))).toBe(own.jobId);
    expect(ledger.output).toContain('hello before ReportService.build');
    await endAll();
    expect(ledger.exits.length).toBe(1);
  });

  it('is disposed of when the executor drains', async () => {
    const { startChild } = await import('../executor/support/lab.js');
    const { executor, ledger } = await startChild({
      modules: [fixture('reports.ts').href],
      bootModule: new URL('./fixtures/boot.js', import.meta.url).href,
      config: { greeting: 'hello' },
    });
    expect((await executor.stop({ graceMs: 2_000 })).isClean).toBe(true);
    expect(ledger.output).toContain('disposed');
  });
});
