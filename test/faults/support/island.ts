import { spawnSync } from 'node:child_process';

const ip = (...args: string[]): void => {
  const { status, stderr, error } = spawnSync('ip', args, { encoding: 'utf8' });
  if (error || status !== 0) throw error ?? new Error(`ip ${args.join(' ')}: ${stderr}`);
};

/** Packets to this address of no card are sent, and vanish: no reset, no error, as when a cable is cut far away. */
const nobody = '02:00:00:00:00:01';

/**
 * A host of its own behind a cable of its own: a network namespace and a pair of virtual cards. What runs there
 * reaches us at `ours`. Needs Linux, root and iproute2.
 */
export class Island {
  readonly ours: string;
  private readonly theirs: string;
  private readonly name = `rxrq-${process.pid}`;
  private readonly card = `rxrq-${process.pid}`;

  private constructor() {
    const subnet = `10.213.${process.pid % 256}`;
    this.ours = `${subnet}.1`;
    this.theirs = `${subnet}.2`;
  }

  /** `null` where the system does not let us make one. */
  static make(): Island | null {
    const island = new Island();
    const { name, card, ours, theirs } = island;
    try {
      ip('netns', 'add', name);
    } catch {
      return null;
    }
    ip('link', 'add', card, 'type', 'veth', 'peer', 'name', 'eth0', 'netns', name);
    ip('address', 'add', `${ours}/24`, 'dev', card);
    ip('link', 'set', card, 'up');
    ip('-n', name, 'address', 'add', `${theirs}/24`, 'dev', 'eth0');
    ip('-n', name, 'link', 'set', 'eth0', 'up');
    return island;
  }

  /** What a command line begins with, to run there. */
  get command(): readonly string[] {
    return ['nsenter', `--net=/run/netns/${this.name}`];
  }

  /** From now on packets vanish, both ways. */
  cut(): void {
    ip('neighbour', 'replace', this.theirs, 'lladdr', nobody, 'dev', this.card, 'nud', 'permanent');
    ip(...['-n', this.name, 'neighbour', 'replace', this.ours, 'lladdr', nobody, 'dev', 'eth0']);
  }

  heal(): void {
    ip('neighbour', 'delete', this.theirs, 'dev', this.card);
    ip('-n', this.name, 'neighbour', 'delete', this.ours, 'dev', 'eth0');
  }

  remove(): void {
    // First: with the namespace it would only go once no connection lingers there.
    ip('link', 'delete', this.card);
    ip('netns', 'delete', this.name);
  }
}
