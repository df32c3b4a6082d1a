import { spawnSync } from 'node:child_process';
import { chmodSync, mkdtempSync, openSync, rmSync, writeFileSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const source = fileURLToPath(new URL('../fixtures/clock.c', import.meta.url));

/** The wall clock of some processes, to be moved while they run. Needs a C compiler, and a linker that preloads. */
export class MovedClock {
  private constructor(
    private readonly directory: string,
    private readonly file: number,
  ) {}

  /** `null` where there is no compiler. @throws when there is one, and it refuses */
  static make(): MovedClock | null {
    if (process.platform !== 'linux') return null;
    const directory = mkdtempSync(join(tmpdir(), 'rxrq-clock-'));
    const args = ['-shared', '-fPIC', '-O1', '-o', join(directory, 'clock.so'), source, '-ldl'];
    const { error, status, stderr } = spawnSync('cc', args, { encoding: 'utf8' });
    if (error) {
      rmSync(directory, { recursive: true });
      return null;
    }
    if (status !== 0) throw new Error(`cc refused clock.c:\n${stderr}`);
    const path = join(directory, 'offset');
    writeFileSync(path, Buffer.alloc(8));
    return new MovedClock(directory, openSync(path, 'r+'));
  }

  /** For the processes that are to have this clock. */
  get env(): Record<string, string> {
    const { directory } = this;
    return { LD_PRELOAD: join(directory, 'clock.so'), CLOCK_OFFSET: join(directory, 'offset') };
  }

  /** A program that runs another one with this clock. */
  wrap(program: string): string {
    const path = join(this.directory, `moved-${program}`);
    const settings = Object.entries(this.env).map(([name, value]) => `${name}='${value}'`);
    writeFileSync(path, `#!/bin/sh\nexec env ${settings.join(' ')} ${program} "$@"\n`);
    chmodSync(path, 0o755);
    return path;
  }

  /** Jumps at once, to so many milliseconds from the true time. */
  moveTo(offsetMs: number): void {
    const bytes = Buffer.alloc(8);
    bytes.writeBigInt64LE(BigInt(offsetMs));
    writeSync(this.file, bytes, 0, 8, 0);
  }

  remove(): void {
    rmSync(this.directory, { recursive: true, force: true });
  }
}
