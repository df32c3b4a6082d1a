import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from '@jest/globals';
import { checkJobId, checkQueueName } from '../../src/redis/names.js';
import { newJobOf } from '../../src/redis/new-job.js';

const root = fileURLToPath(new URL('../../', import.meta.url));
const read = (path: string): string => readFileSync(`${root}${path}`, 'utf8');

/** Sources below a directory, with it. */
const filesOf = (directory: string): string[] =>
  readdirSync(root + directory, { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith('.ts'))
    .map((file) => `${directory}/${file}`);

describe('the house', () => {
  it('S11: builds no script from data', () => {
    const sources = filesOf('src');
    expect(sources.length).toBeGreaterThan(150);
    for (const file of sources) {
      const text = read(file);
      // A script that is sent by hand is a literal without a hole in it.
      for (const [, quote, script] of text.matchAll(
        /\.(?:eval|call\w*\(\s*'EVAL',)\(?\s*(["'`])([\s\S]*?)\1/g,
      ))
        expect([file, quote === '`' && script?.includes('${')]).toEqual([file, false]);
      if (file !== 'src/redis/scripts.ts')
        expect([file, /source:\s*`/.test(text)]).toEqual([file, false]);
      expect([file, /new Function\(|\beval\(['"`]|node:vm/.test(text)]).toEqual([file, false]);
    }
  });

  it('S21: S22: S23: S24: listens on no port, so that nobody can ask it anything', () => {
    const listening = filesOf('src').filter((file) =>
      /node:(?:https?|http2|dgram)'|createServer/.test(
        // Webhooks ask, and are asked nothing.
        read(file).replaceAll(/^import \{ request as \w+ \} from 'node:https?';$/gm, ''),
      ),
    );
    expect(listening).toEqual([]);
  });

  it.each(['a,b', 'x:intermediate', 'failed', '', 'a b', 'a\nb', 'a\u0000', 'x'.repeat(201)])(
    'S12: has no queue %j',
    (name) => expect(() => checkQueueName(name)).toThrow('queue name'),
  );

  it.each(['', 'a:b', '../x', 'a*', 'ä', 'a b', 'x'.repeat(201)])('S12: S6: has no job %j', (id) =>
    expect(() => checkJobId(id)).toThrow('job id'),
  );

  it('S28: gives ids that nobody guesses', () => {
    const ids = Array.from({ length: 1_000 }, () => newJobOf('f', [], {}).id);
    expect(new Set(ids).size).toBe(1_000);
    for (const id of ids)
      expect(id).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-/);
  });

  it('S29: installs nothing that runs', () => {
    const { dependencies, scripts, files } = JSON.parse(read('package.json'));
    expect(Object.keys(dependencies).length).toBeLessThanOrEqual(12);
    for (const hook of ['preinstall', 'install', 'postinstall'])
      expect(scripts).not.toHaveProperty(hook);
    expect(files).toEqual(expect.arrayContaining(['dist']));
    const { packages } = JSON.parse(read('package-lock.json')) as {
      packages: Record<string, { dev?: boolean; hasInstallScript?: boolean; integrity?: string }>;
    };
    const shipped = Object.entries(packages).filter(([path, { dev }]) => path !== '' && !dev);
    expect(shipped.length).toBeGreaterThan(10);
    for (const [path, { hasInstallScript, integrity }] of shipped)
      expect({ path, hasInstallScript, isPinned: integrity !== undefined }).toEqual({
        path,
        isPinned: true,
      });
  });
});
