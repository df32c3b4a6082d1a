import { parseArgs } from 'node:util';
import { peers as allPeers, subject } from '../adapters/index.mjs';
import { CannotRunError } from './cannot-run-error.mjs';

export const usage = `usage: node run.mjs [options]
  --rounds N       rounds, interleaved between the libraries (3; with --quick 1)
  --only LIST      workloads or cases, by name or by the start of it: enqueue,drain-c10
  --peers LIST     ${allPeers.join(',')} (all), or none
  --quick          a fifth of the jobs: a look, not a result
  --json FILE|-    the whole result as JSON; with - the table goes to stderr
  --list           name the workloads and cases
  REDIS_URL        a database of its own, e.g. redis://127.0.0.1:6379/15; without it a private
                   redis-server is started on a free port`;

export function readOptions(argv) {
  const { values } = parse(argv);
  const quick = values.quick ?? false;
  const rounds = values.rounds === undefined ? (quick ? 1 : 3) : Number(values.rounds);
  if (!Number.isInteger(rounds) || rounds < 1) {
    throw new CannotRunError(`--rounds must be a whole number from 1, not '${values.rounds}'`);
  }
  return {
    help: values.help ?? false,
    list: values.list ?? false,
    quick,
    rounds,
    only: split(values.only),
    peers: readPeers(values.peers),
    peersNamed: values.peers !== undefined,
    json: values.json,
  };
}

function parse(argv) {
  try {
    return parseArgs({
      args: argv,
      options: {
        rounds: { type: 'string' },
        only: { type: 'string' },
        peers: { type: 'string' },
        quick: { type: 'boolean' },
        json: { type: 'string' },
        list: { type: 'boolean' },
        help: { type: 'boolean' },
      },
    });
  } catch (error) {
    throw new CannotRunError(error.message);
  }
}

function readPeers(value) {
  if (value === undefined) return allPeers;
  if (value === 'none') return [];
  const named = split(value);
  const unknown = named.find((name) => !allPeers.includes(name));
  if (unknown === subject)
    throw new CannotRunError(`${subject} is always measured, --peers names the others`);
  if (unknown !== undefined) {
    throw new CannotRunError(
      `--peers: unknown library '${unknown}', known are ${allPeers.join(', ')}`,
    );
  }
  return named;
}

function split(list) {
  return list === undefined
    ? []
    : list
        .split(',')
        .map((name) => name.trim())
        .filter(Boolean);
}
