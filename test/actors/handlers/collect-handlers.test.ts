import { describe, expect, it } from '@jest/globals';
import { collectHandlers } from '../../../src/actors/handlers/collect-handlers.js';
import { DuplicateHandlerError } from '../../../src/actors/handlers/errors.js';
import { Handlers } from '../../../src/actors/handlers/handlers.js';
import { defineTasks } from '../../../src/tasks.js';

const add = (a: number, b: number) => a + b;
const namesOf = (namespace: object, classes?: Parameters<typeof collectHandlers>[2]) =>
  collectHandlers(namespace, 'tasks', classes)
    .map(({ name }) => name)
    .sort();

class Mailer {
  constructor(readonly from: string) {}
  send(to: string) {
    return `${this.from} to ${to}`;
  }
}
class LoudMailer extends Mailer {
  shout() {
    return 'HEY';
  }
}

describe('collecting handlers', () => {
  it('takes functions by module and export, tasks by their own names', () => {
    const tasks = defineTasks('reports', { build: add, send: add });
    const single = defineTasks('other', { one: add }).one;
    expect(namesOf({ add, tasks, single, version: 3, nothing: null, list: [add] })).toEqual([
      'other.one',
      'reports.build',
      'reports.send',
      'tasks.add',
    ]);
  });

  it('takes an explicit map as it is', () => {
    const handlers = { 'any name': add, task: defineTasks('x', { y: add }).y, no: 1 };
    expect(namesOf({ handlers })).toEqual(['any name', 'x.y']);
  });

  it('reads a default object as exports, and once', () => {
    expect(namesOf({ add, default: { add, nested: { add } } })).toEqual(['tasks.add', 'tasks.add']);
    expect(new Handlers(collectHandlers({ add, default: { add } }, 'tasks')).names()).toEqual([
      'tasks.add',
    ]);
  });

  it('passes classes over without a resolver, and those that are not meant for injection', () => {
    expect(namesOf({ Mailer })).toEqual([]);
    const resolve = () => new Mailer('me');
    expect(namesOf({ Mailer }, { resolve })).toEqual([]);
    expect(namesOf({ Mailer }, { resolve, isInjectable: () => true })).toEqual([
      'Mailer.send',
      'tasks.Mailer.send',
    ]);
    expect(namesOf({ handlers: { mail: Mailer } }, { resolve })).toEqual(['mail.send']);
  });

  it('asks the resolver anew for each call, and finds inherited methods', () => {
    let resolved = 0;
    const resolve = () => {
      resolved += 1;
      return new LoudMailer('me');
    };
    const handlers = new Handlers(
      collectHandlers({ LoudMailer, default: LoudMailer }, 'tasks', {
        resolve,
        isInjectable: () => true,
      }),
    );
    expect(handlers.get('LoudMailer.send')?.('you')).toBe('me to you');
    expect(handlers.get('LoudMailer.shout')?.()).toBe('HEY');
    expect(resolved).toBe(2);
  });

  it('names both sides of a collision', () => {
    const one = collectHandlers({ add }, 'tasks');
    const other = collectHandlers({ handlers: { 'tasks.add': () => 0 } }, 'more');
    expect(() => new Handlers([...one, ...other])).toThrow(DuplicateHandlerError);
    expect(() => new Handlers([...one, ...other])).toThrow(
      'Two handlers are named "tasks.add": export add of tasks and handlers[tasks.add] of more',
    );
    expect(new Handlers([...one, ...one]).size).toBe(1);
  });

  it('answers to exact names only', () => {
    const handlers = new Handlers(collectHandlers({ add }, 'tasks'));
    const hostile = [
      'constructor',
      '__proto__',
      'toString',
      'tasks',
      'add',
      'tasks.add.constructor',
      'tasks.add ',
      'Tasks.add',
      '',
    ];
    for (const name of hostile) expect(handlers.get(name)).toBeUndefined();
  });
});

describe('defineTasks', () => {
  it('gives data with a name and a callable handler', async () => {
    const tasks = defineTasks('math', { add, later: async (n: number) => n });
    expect(tasks.add).toMatchObject({ name: 'math.add', handler: add });
    const sum: number | Promise<number> = tasks.add.handler(1, 2);
    expect(sum).toBe(3);
    expect(await tasks.later.handler(4)).toBe(4);
  });

  it.each(['', 'with space', 'new\nline', 'x'.repeat(600)])('refuses the prefix %j', (prefix) => {
    expect(() => defineTasks(prefix, { add })).toThrow(TypeError);
  });
});
