import { createHash } from 'node:crypto';
import { audit } from '../../src/redis/audit/audit.js';
import { keys } from '../../src/redis/keys.js';
import { type Action, spent } from './action.js';
import { digestOf } from './digest.js';
import { Hand } from './hand.js';
import { isAtRest, judge, judgeReply } from './judge.js';
import { Lane, type View } from './lane.js';
import { janitorActions, operatorActions, sabotage } from './other-actions.js';
import type { Scope } from './scope.js';
import { Counterexample } from './trace.js';
import { arrivals, workerActions } from './worker-actions.js';
import { beginOf, queue, type World } from './world.js';

export interface Exploration {
  readonly scope: string;
  readonly states: number;
  readonly transitions: number;
  /** Steps of the longest of the shortest ways. */
  readonly depth: number;
  /** States in which every job has ended and nobody waits; the audit found nothing in any of them. */
  readonly atRest: number;
  readonly seconds: number;
}

/** A state that was reached: how, and from which good days lead to it. The state itself is kept until it was left. */
interface Node {
  readonly parent: number;
  readonly step: string;
  readonly depth: number;
  readonly isAtRest: boolean;
  /** States from which this one is reached without any fault. */
  readonly before: number[];
}

interface Open {
  readonly at: number;
  readonly world: World;
  readonly view: View;
}

/** Databases that are used side by side: one answers while another is judged. */
const lanesAtOnce = 3;

/**
 * Goes every way that a scope allows, breadth first, through the real transitions on a real Redis, and judges every
 * state and every step. The server is emptied again and again.
 *
 * @param onLevel called after each step of all shortest ways
 * @throws Counterexample with the shortest way to what must not happen
 */
export const explore = async (
  scope: Scope,
  url: string,
  onLevel: (sofar: Exploration) => void = () => undefined,
): Promise<Exploration> => {
  const exploration = new Explorer(scope, onLevel);
  const lanes = Array.from({ length: lanesAtOnce }, (_, at) => new Lane(url, at));
  try {
    return await exploration.run(lanes.map((lane) => new Hand(lane, scope)));
  } finally {
    for (const lane of lanes) lane.close();
  }
};

class Explorer {
  private readonly nodes: Node[] = [];
  private readonly known = new Map<string, number>();
  private level: Open[] = [];
  private transitions = 0;

  private readonly beganMs = performance.now();

  constructor(
    private readonly scope: Scope,
    private readonly onLevel: (sofar: Exploration) => void,
  ) {}

  async run(hands: readonly Hand[]): Promise<Exploration> {
    await this.begin(hands[0] as Hand);
    while (this.level.length > 0) {
      const open = this.level.splice(0).values();
      await Promise.all(
        hands.map(async (hand) => {
          for (const state of open) await this.leave(hand, state);
        }),
      );
      this.onLevel(this.sofar());
    }
    this.requireWaysOn();
    return this.sofar();
  }

  private sofar(): Exploration {
    return {
      scope: this.scope.name,
      states: this.nodes.length,
      transitions: this.transitions,
      depth: this.nodes.at(-1)?.depth ?? 0,
      atRest: this.nodes.filter((node) => node.isAtRest).length,
      seconds: Math.round(performance.now() - this.beganMs) / 1_000,
    };
  }

  private async begin(hand: Hand): Promise<void> {
    await hand.redis.flushall();
    const world = beginOf(this.scope);
    for (const worker of world.workers) await hand.bear(worker);
    await hand.lane.keep(0);
    this.add(world, await hand.lane.look('-'), -1, 'nothing has happened yet', true);
  }

  /** Takes every step that leads on from a state. */
  private async leave(hand: Hand, { at, world, view }: Open): Promise<void> {
    for (const action of actionsOf(world, view, this.scope)) {
      const left = spent(world.left, action.spends);
      if (!left) continue;
      this.transitions += 1;
      let { label: step } = action;
      try {
        // On one connection: what is sent behind it finds the state in its place.
        const taken = hand.lane.take(at);
        const [{ change, heard, note }] = await Promise.all([action.apply(hand), taken]);
        if (note) step += ` → ${note}`;
        const now = await hand.lane.look((change.story ?? world.story).next);
        const story = (change.story ?? world.story).follow(
          queue,
          now.entries(keys.events(queue)),
          (execution) => mayBeTakenAway(execution, world),
        );
        const next: World = { ...world, ...change, left, story };
        judge(next, now);
        if (heard) judgeReply(heard, next, now);
        const reached = this.add(next, now, at, step, action.spends.length === 0);
        if (reached === null) continue;
        await hand.lane.keep(reached);
        if (isAtRest(next)) await requireCleanAudit(hand);
      } catch (error) {
        throw new Counterexample(this.scope.name, [...this.wayTo(at), step], error);
      }
    }
    await hand.lane.forget(at);
  }

  /** Its number, when it is new. */
  private add(
    world: World,
    view: View,
    parent: number,
    step: string,
    isGood: boolean,
  ): number | null {
    const digest = createHash('sha1').update(digestOf(world, view)).digest('base64');
    const known = this.known.get(digest);
    if (known !== undefined) {
      if (isGood && parent !== known) this.nodes[known]?.before.push(parent);
      return null;
    }
    const at = this.nodes.length;
    this.known.set(digest, at);
    const depth = (this.nodes[parent]?.depth ?? -1) + 1;
    const before = isGood && parent >= 0 ? [parent] : [];
    this.nodes.push({ parent, step, depth, isAtRest: isAtRest(world), before });
    this.level.push({ at, world, view });
    return at;
  }

  private wayTo(at: number): string[] {
    const steps: string[] = [];
    for (let node = this.nodes[at]; node && node.parent >= 0; node = this.nodes[node.parent])
      steps.unshift(node.step);
    return steps;
  }

  /** From every state some way without a fault leads to the end of all jobs. */
  private requireWaysOn(): void {
    const leadsOn = new Set<number>();
    const next = [...this.nodes.keys()].filter((at) => this.nodes[at]?.isAtRest);
    for (let at = next.pop(); at !== undefined; at = next.pop()) {
      if (leadsOn.has(at)) continue;
      leadsOn.add(at);
      next.push(...(this.nodes[at]?.before ?? []));
    }
    const stuck = this.nodes.findIndex((_, at) => !leadsOn.has(at));
    if (stuck >= 0) {
      const reason = new Error('from here no way without a fault leads to the end of all jobs');
      throw new Counterexample(this.scope.name, this.wayTo(stuck), reason);
    }
  }
}

const actionsOf = function* (world: World, view: View, scope: Scope): Generator<Action> {
  yield* operatorActions(world);
  for (const worker of world.workers) yield* workerActions(world, worker, scope);
  yield* arrivals(world);
  yield* janitorActions(world, view);
  if (scope.budget.sabotages > 0) yield* sabotage(world);
};

const mayBeTakenAway = (execution: string, { workers }: World): boolean =>
  workers.find(({ tag }) => execution.startsWith(tag))?.isOverdue ?? true;

const requireCleanAudit = async ({ redis, lane }: Hand): Promise<void> => {
  const { findings } = await audit(redis, lane.settings, { intervalMs: 1, graceMs: 1 });
  const [first] = findings;
  if (first) throw new Error(`the audit finds ${first.code} of ${first.jobId}: ${first.seen}`);
};
