// @ts-check

/**
 * @typedef {object} Threat
 * @property {number} number tests in test/security that show the defence begin their name with it: `'S27: …'`, `'S4: S5: …'`
 * @property {string} threat
 * @property {string} defence
 * @property {readonly string[]} [elsewhere] tests that show it under another name, `file: begin of the name`
 * @property {string} [without] why nothing shows it, or what is not defended
 */

const hostile = 'redis/payload/hostile';
const child = 'actors/executor/executor-hostile';

/**
 * What somebody who may write to Redis, a handler, a child, or somebody on the way may try, and what stands against it.
 * docs/security.md has the same table.
 *
 * @type {readonly Threat[]}
 */
export const threats = [
  {
    number: 1,
    threat: 'JSON that changes `Object.prototype`',
    defence: 'values are never merged; keys that reach a prototype are dropped from meta',
    elsewhere: [
      `${hostile}: leaves Object.prototype`,
      'redis/payload/value: drops keys that reach',
    ],
  },
  {
    number: 2,
    threat: 'job hashes, log entries and records with any fields',
    defence: 'read field by field; what cannot be read is empty, with a reason',
    elsewhere: ['cli/terminal-text: shows any event of any shape'],
  },
  {
    number: 3,
    threat: 'a function name that loads code',
    defence:
      'a handler is an exact name in a map that was filled at the start; nothing is imported by name',
    elsewhere: [
      'actors/handlers/collect-handlers: answers to exact names only',
      'interop/refused: 22: names no import',
    ],
  },
  {
    number: 4,
    threat: 'a pickle that runs code',
    defence:
      'our own reader of a closed list of opcodes; everything else is quarantined by its name',
    elsewhere: ['interop/refused: 22: refuses objects', 'redis/payload/pickle: throws nothing but'],
  },
  {
    number: 5,
    threat: 'a payload that inflates without end',
    defence: 'inflating stops at 16 MiB',
    elsewhere: [`${hostile}: stops a bomb`, `${hostile}: takes exactly the limit`],
  },
  {
    number: 6,
    threat: 'huge payloads, results, metas, tracebacks, names and commands',
    defence: 'each has a limit that the error names',
    elsewhere: [
      'redis/payload/call: refuses a payload over the limit',
      `${child}: refuses one that is too large`,
      `${child}: sends 300 MB`,
    ],
  },
  {
    number: 7,
    threat: 'values nested so deep that a stack ends',
    defence: 'at most 200 levels and a million values, counted while reading',
    elsewhere: ['redis/payload/json: limits depth', 'redis/payload/pickle: limits depth'],
  },
  {
    number: 8,
    threat: 'numbers that are rounded in silence',
    defence: 'integers beyond 2^53 are bigint, NaN and Infinity stay what they are',
    elsewhere: [
      'redis/payload/json: reads the numbers of Python',
      'redis/payload/json: writes what Python',
    ],
  },
  {
    number: 9,
    threat: 'text that makes an expression backtrack',
    defence: 'lengths first, and expressions without nested repetition',
  },
  {
    number: 10,
    threat: 'schedules that never stop, and records of cron that are none',
    defence:
      'at most one job an entry and second; a clock that went wrong enqueues nothing twice; a bound to what is caught up. A job with `repeat` and no pause runs as often as its hash says, as in RQ, behind what waits by then',
    elsewhere: ['redis/cron: is enqueued once', 'redis/cron: is refused before its time'],
  },
  {
    number: 11,
    threat: 'data that becomes Lua',
    defence: 'scripts are constant files, data are KEYS and ARGV',
  },
  {
    number: 12,
    threat: "names that reach another's key",
    defence: 'a grammar for ids, queues and groups, checked where they come in',
  },
  {
    number: 13,
    threat: 'text that a terminal obeys, or that forges lines of a log',
    defence: 'one escape for all that is printed; JSON lines have one line each',
    elsewhere: [
      'cli/terminal-text: leaves nothing that a terminal obeys',
      'cli/commands: never reaches a terminal raw',
    ],
  },
  {
    number: 14,
    threat: 'secrets in the data of jobs',
    defence:
      'events carry ids, and nothing of arguments, results and meta; errors of Redis name the command, without what it was given; encryption keeps these from all who read Redis',
  },
  {
    number: 15,
    threat: 'credentials of Redis in messages',
    defence:
      'errors hold no arguments of AUTH and never repeat a URL; what is printed of connections, and of all that holds one, is host, port and state; taken out of every text and JSON line of every command',
    elsewhere: ['cli/config: are never shown'],
  },
  {
    number: 16,
    threat: 'a handler that reads the environment of its worker',
    defence:
      'children get nothing that begins with `REDIS_`, `RQ_` or `RXRQ_`, no keys and no control variables of Node; with `inheritEnv` only what it names',
    elsewhere: [`${child}: has no Redis URL`, `${child}: can be an explicit list`],
  },
  {
    number: 17,
    threat: 'a child that lies to its worker',
    defence: 'frames with a token, numbers instead of ids, and death for the first wrong byte',
    elsewhere: [`${child}: sends 300 MB`, 'actors/executor/child-message: is never anything but'],
  },
  {
    number: 18,
    threat: 'a handler that forks, writes files or opens connections',
    defence: 'a limit of memory, and an end of its whole process group',
    elsewhere: [`${child}: takes its grandchildren along`, `${child}: is killed over the limit`],
    without: 'a child is no sandbox: give workers a user and a container of their own',
  },
  {
    number: 19,
    threat: 'forged commands on a worker’s channel',
    defence:
      'known words only, for executions that the worker holds; who may publish is a matter of the ACL; a worker obeys those that its option [`commands`](workers.md#commands) allows, and tells of the others',
    elsewhere: ['actors/worker-commands: is unknown to a worker that lost it'],
  },
  {
    number: 20,
    threat: 'webhooks and callbacks of jobs',
    defence:
      'callbacks are registered handlers; requests follow no redirect, read no answer and have a time limit',
    without:
      'a job may name any http address that the worker reaches, unless its option [`webhooks`](jobs.md#webhooks) names the hosts; names are not resolved for it, so let the network decide too',
  },
  {
    number: 21,
    threat: 'a dashboard without a lock',
    defence: '',
    without: 'there is no dashboard',
  },
  {
    number: 22,
    threat: 'requests forged across sites',
    defence: '',
    without: 'there is no dashboard',
  },
  { number: 23, threat: 'script in pages', defence: '', without: 'there is no dashboard' },
  {
    number: 24,
    threat: 'a local dashboard reached by a foreign page',
    defence: '',
    without: 'there is no dashboard',
  },
  {
    number: 25,
    threat: 'tools that read everything at once',
    defence: 'pages and SCAN; no KEYS, no whole lists',
    elsewhere: ['streams/registry: page through'],
  },
  {
    number: 26,
    threat: 'a connection that falls back to plain text, or trusts anybody',
    defence: '`rediss://` verifies, and never goes on without TLS',
  },
  {
    number: 27,
    threat: 'one user of Redis that may do everything',
    defence: 'rules for seven roles, under which everything works and nothing more does',
    elsewhere: ['redis/doctor: names what a user lacks'],
  },
  {
    number: 28,
    threat: 'ids that can be guessed',
    defence: 'random ones of 122 bits, unless you give your own',
  },
  {
    number: 29,
    threat: 'packages that run code when they are installed',
    defence: 'ten dependencies, none with a script; a lock file; what is published is a list',
  },
  {
    number: 30,
    threat: 'logs and registries that fill Redis',
    defence: 'each has a length or a time to live',
    elsewhere: ['redis/event-log: is bounded', 'redis/cron: keeps a history'],
  },
  {
    number: 31,
    threat: 'ids that are no text',
    defence: 'ids are bytes from Redis to Redis; a list that holds others works on',
    elsewhere: ['interop/sharp-edges/damage: 47: S11: puts each unreadable job aside'],
  },
  {
    number: 32,
    threat: 'a command against the wrong Redis',
    defence: 'target and count are shown, and asked for',
    elsewhere: [
      'cli/commands: asks before it changes anything',
      'cli/commands: asks for all of all queues',
    ],
  },
];
