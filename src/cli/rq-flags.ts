import { type Command, InvalidArgumentError, Option } from 'commander';
import { withoutSetting } from './config/settings.js';
import { serializerKind } from './option-values.js';

/**
 * Flags of RQ 2.12 that a command of ours has not. Whoever moves a script from `rq` to `rxrq` is told, by flag,
 * what becomes of it: `ignored` where the flag is about Python or changes nothing here, `refused` where the
 * script would do something else than it says.
 */
export interface RqFlag {
  flags: string;
  verdict: 'ignored' | 'refused';
  why: string;
}

const classes: readonly RqFlag[] = [
  {
    flags: '-w, --worker-class <class>',
    verdict: 'refused',
    why: 'a Python class; see --isolation',
  },
  { flags: '-j, --job-class <class>', verdict: 'refused', why: 'a Python class' },
  { flags: '--queue-class <class>', verdict: 'refused', why: 'a Python class' },
  { flags: '--connection-class <class>', verdict: 'refused', why: 'a Python class' },
  {
    flags: '-P, --path <path>',
    verdict: 'ignored',
    why: 'where Python looks for modules; handlers are given with --import',
  },
];

const logs: readonly RqFlag[] = [
  {
    flags: '--log-format <format>',
    verdict: 'ignored',
    why: 'lines are key=value, or objects with --json',
  },
  { flags: '--date-format <format>', verdict: 'ignored', why: 'times are ISO 8601 in UTC' },
];

const handlers: RqFlag = {
  flags: '--exception-handler <path>',
  verdict: 'refused',
  why: 'a Python function; subscribe to the events failed and quarantined',
};

const serializer: RqFlag = {
  flags: '-S, --serializer <kind>',
  verdict: 'ignored',
  why: 'JSON and pickle are told apart by their first byte',
};

/** By command. A flag is left out here as soon as the command itself has it. */
export const rqFlags: Readonly<Record<string, readonly RqFlag[]>> = {
  worker: [
    ...classes,
    serializer,
    ...logs,
    handlers,
    { flags: '--logging_level <level>', verdict: 'ignored', why: 'see --quiet and --verbose' },
    { flags: '--worker-ttl <seconds>', verdict: 'ignored', why: 'see --lease' },
    {
      flags: '--maintenance-interval <seconds>',
      verdict: 'ignored',
      why: 'a worker cleans as often as its lease asks',
    },
    { flags: '--job-monitoring-interval <seconds>', verdict: 'ignored', why: 'see --lease' },
    { flags: '--disable-job-desc-logging', verdict: 'ignored', why: 'descriptions are not logged' },
    {
      flags: '-d, --disable-default-exception-handler',
      verdict: 'refused',
      why: 'a job that failed is always recorded as failed',
    },
  ],
  'worker-pool': [
    ...classes,
    serializer,
    ...logs,
    handlers,
    { flags: '-l, --logging-level <level>', verdict: 'ignored', why: 'see --quiet and --verbose' },
  ],
  cron: [
    ...classes,
    serializer,
    {
      flags: '-l, --logging-level <level>',
      verdict: 'ignored',
      why: 'all there is to say is said',
    },
  ],
  info: [...classes, serializer],
  enqueue: classes,
  requeue: [...classes, serializer],
  empty: [...classes, serializer],
  suspend: [...classes, serializer],
  resume: [...classes, serializer],
};

/** Gives a command RQ's flags that it has not itself. They are hidden from its help. */
export const takeRqFlags = (command: Command): void => {
  for (const { flags, verdict, why } of rqFlags[command.name()] ?? []) {
    const option = new Option(flags, why).hideHelp();
    const isTaken = command.options.some(
      ({ long, short }) => long === option.long || (short !== undefined && short === option.short),
    );
    if (isTaken) continue;
    if (verdict === 'refused') {
      option.argParser(() => {
        throw new InvalidArgumentError(`It is not there: ${why}.`);
      });
      if (option.isBoolean()) refuseFlag(command, option, why);
    }
    if (option.attributeName() === 'serializer') option.argParser(serializerKind);
    withoutSetting.add(option);
    command.addOption(option);
  }
};

/** RQ's `-ds`, which every other parser takes for two flags. */
export const spellRqFlags = (argv: readonly string[]): string[] =>
  argv.map((text) => (argv[0] === 'worker' && text === '-ds' ? '--dequeue-strategy' : text));

// Commander calls no parser for a flag without a value.
const refuseFlag = (command: Command, option: Option, why: string): void => {
  command.on(`option:${option.name()}`, () =>
    command.error(`error: option '${option.flags}' is not there: ${why}.`, { exitCode: 2 }),
  );
};
