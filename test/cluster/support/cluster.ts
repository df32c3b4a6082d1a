import { once } from 'node:events';
import { createServer } from 'node:net';
import { Redis } from 'ioredis';
import { RedisServer } from '../../../scripts/redis-server.mjs';
import { until } from '../../support/until.js';

const slots = 16_384;

interface Master {
  server: RedisServer;
  client: Redis;
  id: string;
}

/** Three masters of the test's own, with a third of the slots each. */
export class TestCluster {
  private constructor(private readonly masters: readonly Master[]) {}

  static async start(): Promise<TestCluster> {
    const masters = await Promise.all([startMaster(), startMaster(), startMaster()]);
    const [first] = masters as [Master, Master, Master];
    const share = Math.ceil(slots / masters.length);
    await Promise.all(
      masters.map(async ({ client }, at) => {
        await client.call('CLUSTER', 'SET-CONFIG-EPOCH', at + 1);
        const own = Array.from(
          { length: Math.min(share, slots - at * share) },
          (_, n) => at * share + n,
        );
        await client.call('CLUSTER', 'ADDSLOTS', ...own);
      }),
    );
    const { busPort } = first.server as RedisServer & { busPort: number };
    for (const { client } of masters.slice(1))
      await client.call('CLUSTER', 'MEET', '127.0.0.1', first.server.port, busPort);
    const cluster = new TestCluster(masters);
    await cluster.isWhole();
    return cluster;
  }

  /** `host:port` of each. */
  get nodes(): string[] {
    return this.masters.map(({ server }) => `127.0.0.1:${server.port}`);
  }

  url(space?: string): string {
    return `redis+cluster://${this.nodes.join(',')}${space === undefined ? '' : `/${space}`}`;
  }

  client(at: number): Redis {
    return this.master(at).client;
  }

  async slotOf(space: string): Promise<number> {
    return Number(await this.client(0).call('CLUSTER', 'KEYSLOT', `{${space}}:`));
  }

  /** Which master has it, as that master says. */
  async ownerOf(space: string): Promise<number> {
    const slot = await this.slotOf(space);
    for (const [at, { client }] of this.masters.entries()) {
      const node = (String(await client.call('CLUSTER', 'NODES')).split('\n') as string[]).find(
        (line) => line.includes('myself'),
      ) as string;
      const ranges = node
        .split(' ')
        .slice(8)
        .filter((range) => !range.startsWith('['));
      if (ranges.some((range) => isWithin(range, slot))) return at;
    }
    throw new Error(`slot ${slot} is nobody's`);
  }

  /** Spaces `prefix<n>` of which the first lies on the first master, and so on. */
  async spaceOnEach(prefix: string): Promise<string[]> {
    const found: string[] = [];
    for (let n = 0; found.filter(Boolean).length < this.masters.length; n++) {
      const space = `${prefix}${n}`;
      found[await this.ownerOf(space)] ??= space;
    }
    return found;
  }

  /** The slot is on its way: keys may be moved, or not yet. */
  async beginMove(space: string, to: number): Promise<{ slot: number; from: number }> {
    const [slot, from] = [await this.slotOf(space), await this.ownerOf(space)];
    await this.client(to).call('CLUSTER', 'SETSLOT', slot, 'IMPORTING', this.master(from).id);
    await this.client(from).call('CLUSTER', 'SETSLOT', slot, 'MIGRATING', this.master(to).id);
    return { slot, from };
  }

  /** Moves so many keys of the slot, at most. How many there were. */
  async moveKeys(slot: number, from: number, to: number, most: number): Promise<number> {
    const names = (await this.client(from).callBuffer(
      ...(['CLUSTER', 'GETKEYSINSLOT', String(slot), String(most)] as const),
    )) as Buffer[];
    if (names.length === 0) return 0;
    const { port } = this.master(to).server;
    await this.client(from).call('MIGRATE', '127.0.0.1', port, '', 0, 5_000, 'KEYS', ...names);
    return names.length;
  }

  async endMove(slot: number, from: number, to: number): Promise<void> {
    // As redis-cli does it: first who has it from now on, then who had it, then the rest.
    const others = this.masters.map((_, at) => at).filter((at) => at !== from && at !== to);
    for (const at of [to, from, ...others])
      await this.client(at).call('CLUSTER', 'SETSLOT', slot, 'NODE', this.master(to).id);
  }

  /** A whole resharding of one slot, as `redis-cli --cluster reshard` does it: of a cluster that is of one mind. */
  async move(space: string, to: number): Promise<void> {
    await this.isAgreed();
    const { slot, from } = await this.beginMove(space, to);
    while ((await this.moveKeys(slot, from, to, 10)) > 0);
    await this.endMove(slot, from, to);
  }

  /** All keys of the cluster, by master. */
  keys(): Promise<string[][]> {
    return Promise.all(this.masters.map(({ client }) => client.keys('*')));
  }

  async stop(): Promise<void> {
    for (const { server, client } of this.masters) {
      client.disconnect();
      await server.stop();
    }
  }

  private master(at: number): Master {
    return this.masters[at] as Master;
  }

  // The new master of a slot takes an epoch above all that it has heard of. Had the old one taken a higher one meanwhile, for
  // another slot, its last word that it has this one would win, and the slot be nobody's for ever.
  private async isAgreed(): Promise<void> {
    const viewOf = async ({ client }: Master): Promise<string> => {
      const lines = String(await client.call('CLUSTER', 'NODES'))
        .trim()
        .split('\n');
      const known = lines.map((line) => {
        const [id, , , , , , epoch, , ...slots] = line.split(' ');
        return [id, epoch, ...slots].join(' ');
      });
      return known.sort().join('\n');
    };
    await until(
      'all masters agree who has which slots, and since when',
      async () => new Set(await Promise.all(this.masters.map(viewOf))).size === 1,
      { deadlineMs: 20_000 },
    );
  }

  private async isWhole(): Promise<void> {
    await until(
      'every master knows of all slots',
      async () => {
        const infos = await Promise.all(
          this.masters.map(({ client }) => client.call('CLUSTER', 'INFO')),
        );
        return infos.every(
          (info) =>
            /cluster_state:ok/.test(String(info)) && /cluster_known_nodes:3/.test(String(info)),
        );
      },
      { deadlineMs: 20_000 },
    );
  }
}

const startMaster = async (): Promise<Master> => {
  const busPort = await freePort();
  const args = ['--cluster-enabled', 'yes', '--cluster-port', String(busPort)];
  const server = Object.assign(
    await RedisServer.start({ args: [...args, '--cluster-node-timeout', '2000'] }),
    { busPort },
  );
  const client = new Redis(server.url);
  return { server, client, id: String(await client.call('CLUSTER', 'MYID')) };
};

const isWithin = (range: string, slot: number): boolean => {
  const [first, last = first] = range.split('-').map(Number) as [number, number?];
  return first <= slot && slot <= last;
};

const freePort = async (): Promise<number> => {
  const probe = createServer().listen(0, '127.0.0.1');
  await once(probe, 'listening');
  const { port } = probe.address() as { port: number };
  probe.close();
  await once(probe, 'close');
  return port;
};
