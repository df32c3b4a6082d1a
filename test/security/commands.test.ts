import { randomUUID } from 'node:crypto';
import { describe, expect, it } from '@jest/globals';
import { commandFilter, type ObeyedCommands } from '../../src/actors/obeyed-commands.js';
import { keys } from '../../src/redis/keys.js';
import { commandText, type WorkerCommand } from '../../src/redis/worker-command.js';
import { awaitAnswer } from '../../src/streams/await-answer.js';
import { begun, linesOf, Rig } from '../actors/support/rig.js';
import { until } from '../support/until.js';

const rig = new Rig();
// Channels know no databases: another test file may have a worker of the same name.
const unique = () => `guarded-${randomUUID()}`;
// A heartbeat would come after a minute.
const wire = { narrowLeaseMs: 240_000, wideLeaseSeconds: 240 };

const all: readonly WorkerCommand[] = [
  { command: 'stop-job', jobId: 'a' },
  { command: 'stop-execution', jobId: 'a', execution: 'b' },
  { command: 'kill-horse' },
  { command: 'shutdown' },
  { command: 'rxrq-look' },
  { command: 'rxrq-ping' },
];
const refusal = (command: string): string =>
  `The command ${command} was refused: the worker's option commands does not allow it`;

describe('S19: commands', () => {
  it.each<[ObeyedCommands, string[]]>([
    ['all', all.map(({ command }) => command)],
    ['none', ['rxrq-look', 'rxrq-ping']],
    [[], ['rxrq-look', 'rxrq-ping']],
    [['stop-job'], ['stop-job', 'stop-execution', 'rxrq-look', 'rxrq-ping']],
    [
      ['kill-horse', 'shutdown'],
      ['kill-horse', 'shutdown', 'rxrq-look', 'rxrq-ping'],
    ],
  ])('S19: are obeyed as the option says: %j', (given, obeyed) => {
    const isObeyed = commandFilter(given);
    expect(all.filter(isObeyed).map(({ command }) => command)).toEqual(obeyed);
  });

  it.each(['pool', 'inline'] as const)(
    'S19: that a worker does not obey end neither a job nor a worker, and are told: %s',
    async (isolation) => {
      const name = unique();
      const { settled, troubles } = await rig.start({ isolation, name, commands: 'none' });
      const [path, gate] = [rig.path(), rig.gate()];
      const job = await rig.enqueue('waitForGate', [path, gate.path]);
      await begun(path);
      const [member = ''] = await rig.client.zrange(keys.wip('default'), '0', '-1');
      const execution = member.slice(job.id.length + 1);
      const forged: WorkerCommand[] = [
        { command: 'stop-job', jobId: job.id },
        { command: 'stop-execution', jobId: job.id, execution },
        { command: 'kill-horse' },
        { command: 'shutdown' },
      ];
      // As Python's senders and forgers do, again and again; and where only ours look.
      for (const command of [...forged, ...forged])
        await rig.client.publish(keys.commandsTo(name), commandText(command));
      for (const command of forged) {
        const id = unique();
        const text = commandText(command, id);
        await rig.client.rpush(keys.mailbox(name), text);
        await rig.client.publish(keys.commandsTo(name), text);
        expect(await awaitAnswer(rig.client, id, 5_000)).toEqual({
          ok: false,
          reason: 'its option commands does not allow it',
          isFinal: true,
        });
      }
      expect(troubles.slice(0, 4).map((error) => (error as Error).message)).toEqual(
        forged.map(({ command }) => refusal(command)),
      );
      // Twelve were sent; who floods is told of ever more seldom.
      expect(troubles.length).toBeLessThan(12);
      expect(await rig.rq().worker(name).ping()).toMatchObject({
        state: 'busy',
        jobs: [{ jobId: job.id, queue: 'default' }],
      });
      expect(linesOf(path).some((line) => line.startsWith('aborted'))).toBe(false);
      gate.open();
      expect(await job.result({ timeoutMs: 10_000 })).toBe('opened');
      await until('its worker has heard so', () => settled.length > 0);
      expect(settled).toMatchObject([{ verdict: 'finished' }]);
      const next = await rig.enqueue('add', [1, 2]);
      expect(await next.result({ timeoutMs: 10_000 })).toBe(3);
    },
  );

  it('S19: that are refused say so to who waits, and are not sent again', async () => {
    const name = unique();
    await rig.start({ name, commands: ['kill-horse'] });
    const path = rig.path();
    const job = await rig.enqueue('loopForEver', [path]);
    await begun(path);
    const worker = rig.rq().worker(name);
    const refused = (command: string) =>
      expect.objectContaining({
        name: 'CommandRefusedError',
        message: `Worker "${name}" refused ${command}: its option commands does not allow it`,
      });
    await expect(worker.shutdown()).rejects.toEqual(refused('shutdown'));
    const answers = async () => (await rig.client.keys(keys.answer('*'))).length;
    const before = await answers();
    await expect(job.stop()).rejects.toThrow(
      `worker ${name} said: its option commands does not allow it`,
    );
    // A worker that does not know the job is asked again, for two seconds.
    expect(await answers()).toBe(before + 1);
    expect((await job.fetch()).status).toBe('started');
    expect(await worker.killHorse()).toEqual({ isAcknowledged: true });
    await until('it was killed', async () => (await job.fetch()).status === 'failed');
  });

  it('S19: turned off leave cancellations and deletions as quick as before', async () => {
    const { settled, troubles } = await rig.start({ name: unique(), wire, commands: 'none' });
    for (const action of ['cancel', 'delete'] as const) {
      const path = rig.path();
      const job = await rig.enqueue('waitForGate', [path, rig.path()]);
      await begun(path);
      await job[action]();
      await until('it is settled', () => settled.length === 1);
      expect(settled.pop()).toMatchObject({ verdict: action === 'cancel' ? 'canceled' : 'gone' });
    }
    expect(troubles).toEqual([]);
  });
});
