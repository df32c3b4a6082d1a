import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Redis } from 'ioredis';
import { endWithUs } from '../../scripts/guard.mjs';
import type { RedisServer } from '../../scripts/redis-server.mjs';
import { startPrivateRedis } from './redis.js';
import { until } from './until.js';
import { userArgs } from './users.js';

const name = 'jobs';
/** A primary that is silent for so long is down. */
const downAfterMs = 1_000;

interface Sentinel {
  readonly port: number;
  readonly client: Redis;
  signal(signal: NodeJS.Signals): void;
  stop(): Promise<void>;
}

/** A primary, replicas, and real sentinels that watch them. They end with the test at the latest. */
export class Sentinels {
  private constructor(
    /** In the order in which they were started: the first was the first primary. */
    readonly nodes: readonly RedisServer[],
    readonly sentinels: readonly Sentinel[],
  ) {}

  static async start({ replicas = 1, sentinels = 3 } = {}): Promise<Sentinels> {
    const fast = ['--repl-diskless-sync-delay', '0', ...userArgs];
    const primary = await startPrivateRedis({ args: fast });
    const follow = [...fast, '--replicaof', '127.0.0.1', String(primary.port)];
    const others = Array.from({ length: replicas }, () => startPrivateRedis({ args: follow }));
    const nodes = [primary, ...(await Promise.all(others))];
    const client = new Redis(primary.url);
    await until('the replicas follow', async () => {
      const replication = await client.info('replication');
      return (replication.match(/state=online/g) ?? []).length === replicas;
    });
    client.disconnect();
    const quorum = Math.floor(sentinels / 2) + 1;
    const watched = Array.from({ length: sentinels }, () => startSentinel(primary.port, quorum));
    const all = new Sentinels(nodes, await Promise.all(watched));
    await all.settled();
    return all;
  }

  /** For our own clients. */
  get address() {
    return { sentinels: this.sentinels.map(({ port }) => ({ host: '127.0.0.1', port })), name };
  }

  /** What the sentinels take for the primary. */
  async primary(): Promise<RedisServer> {
    const [, port] = (await this.ask('GET-MASTER-ADDR-BY-NAME', name)) as string[];
    return this.nodes.find((node) => String(node.port) === port) as RedisServer;
  }

  /** Has them promote a replica, though the primary is well, once they find one good enough. */
  async failover(): Promise<void> {
    const isAccepted = (): Promise<boolean> =>
      this.ask('FAILOVER', name).then(
        () => true,
        (error: Error) => {
          if (/^(NOGOODSLAVE|INPROG)/.test(error.message)) return false;
          throw error;
        },
      );
    await until('the sentinels fail over', isAccepted, { deadlineMs: 30_000 });
  }

  /** Resolves with the next primary, once it takes writes. */
  async promoted(before: RedisServer): Promise<RedisServer> {
    return until(
      'a replica is promoted',
      async () => {
        const now = await this.primary();
        return now !== before && (await roleOf(now)).includes('role:master') && now;
      },
      { deadlineMs: 30_000 },
    );
  }

  /** Makes a node follow the primary now. The sentinels would take ten seconds. */
  async follow(node: RedisServer): Promise<void> {
    const client = new Redis(node.url);
    await client.call('REPLICAOF', '127.0.0.1', (await this.primary()).port);
    client.disconnect();
  }

  /** Every node but the primary follows it, and every sentinel knows of everybody. */
  async settled(): Promise<void> {
    const { nodes, sentinels } = this;
    const primary = await this.primary();
    for (const node of nodes.filter((one) => one !== primary)) {
      await until(
        `${node.port} follows ${primary.port}`,
        async () => {
          const role = await roleOf(node);
          return role.includes(`master_port:${primary.port}`) && /link_status:up/.test(role);
        },
        { deadlineMs: 30_000 },
      );
    }
    for (const { client } of sentinels) {
      await until(
        'a sentinel knows of all',
        async () => {
          const told = toRecord((await client.call('SENTINEL', 'MASTER', name)) as string[]);
          const [replicas, others] = [told['num-slaves'], told['num-other-sentinels']];
          return Number(replicas) >= nodes.length - 1 && Number(others) === sentinels.length - 1;
        },
        { deadlineMs: 30_000 },
      );
    }
  }

  async stop(): Promise<void> {
    await Promise.all(this.sentinels.map((sentinel) => sentinel.stop()));
    await Promise.all(this.nodes.map((node) => node.stop()));
  }

  private ask(...words: string[]): Promise<unknown> {
    return (this.sentinels.at(-1) as Sentinel).client.call('SENTINEL', ...words);
  }
}

const startSentinel = async (watchedPort: number, quorum: number): Promise<Sentinel> => {
  const port = await freePort();
  const directory = mkdtempSync(join(tmpdir(), 'rxrq-sentinel-'));
  const file = join(directory, 'sentinel.conf');
  const lines = [
    ...[`port ${port}`, 'bind 127.0.0.1', `dir ${directory}`],
    `sentinel monitor ${name} 127.0.0.1 ${watchedPort} ${quorum}`,
    `sentinel down-after-milliseconds ${name} ${downAfterMs}`,
    `sentinel failover-timeout ${name} 3000`,
  ];
  writeFileSync(file, `${lines.join('\n')}\n`);
  const child = spawn('redis-server', [file, '--sentinel'], { stdio: 'ignore' });
  const release = endWithUs(child.pid as number, directory);
  const client = new Redis(port, { retryStrategy: () => 50, maxRetriesPerRequest: null });
  client.on('error', () => undefined);
  await client.ping();
  return {
    port,
    client,
    signal: (signal) => void child.kill(signal),
    async stop() {
      client.disconnect();
      child.kill('SIGKILL');
      await once(child, 'exit');
      release();
      rmSync(directory, { recursive: true, force: true });
    },
  };
};

/** `INFO replication`, or nothing while it does not answer. */
const roleOf = async (node: RedisServer): Promise<string> => {
  const client = new Redis(node.url, { commandTimeout: 500, maxRetriesPerRequest: 0 });
  client.on('error', () => undefined);
  const role = await client.info('replication').catch(() => '');
  client.disconnect();
  return role;
};

const toRecord = (pairs: readonly string[]): Record<string, string> =>
  Object.fromEntries(
    Array.from({ length: pairs.length / 2 }, (_, n) => [pairs[2 * n], pairs[2 * n + 1]]),
  );

const freePort = async (): Promise<number> => {
  const probe = createServer().listen(0, '127.0.0.1');
  await once(probe, 'listening');
  const { port: free } = probe.address() as { port: number };
  probe.close();
  await once(probe, 'close');
  return free;
};
