#!/usr/bin/env node
// rxrq beside its peers. See README.md for what each workload asks and what may be compared.
import { writeFileSync } from 'node:fs';
import { cpus, totalmem } from 'node:os';
import { loadAdapter, subject } from './adapters/index.mjs';
import { goals } from './goals.mjs';
import { CannotRunError } from './harness/cannot-run-error.mjs';
import { openDatabase } from './harness/database.mjs';
import { readOptions, usage } from './harness/options.mjs';
import { render } from './harness/report.mjs';
import { summarise } from './harness/results.mjs';
import { runRounds } from './harness/rounds.mjs';
import { judge } from './harness/verdicts.mjs';
import { selectCases } from './workloads/index.mjs';

const quickShare = 0.2;

async function main(argv) {
  const options = readOptions(argv);
  if (options.help) return print(usage);
  const cases = selectCases(options);
  if (options.list)
    return print(cases.map((each) => `${each.id.padEnd(22)} ${each.title}`).join('\n'));

  const libraries = await Promise.all([subject, ...options.peers].map(describeLibrary));
  const database = await openDatabase(process.env.REDIS_URL);
  const startedAt = new Date();
  try {
    const series = await runRounds({
      cases,
      libraries: libraries.filter(({ unavailable }) => !unavailable).map(({ adapter }) => adapter),
      rounds: options.rounds,
      scale: (jobs) => Math.ceil(jobs * (options.quick ? quickShare : 1)),
      database,
      isWanted: (each, { name }) => !each.subjectOnly || name === subject || options.peersNamed,
      onMeasured: logProgress,
    });
    const results = series.map(summarise);
    const report = {
      schema: 'rxrq-bench/1',
      startedAt: startedAt.toISOString(),
      elapsedSeconds: Math.round((Date.now() - startedAt) / 1000),
      machine: await describeMachine(database),
      options: {
        rounds: options.rounds,
        quick: options.quick,
        only: options.only,
        peers: options.peers,
      },
      libraries: libraries.map(({ adapter: _adapter, ...rest }) => rest),
      results,
      goals: judge(goals, results, subject),
    };
    publish(report, options.json);
    if (results.some(({ errors }) => errors.length > 0)) process.exitCode = 1;
  } finally {
    await database.close();
  }
}

async function describeLibrary(name) {
  const adapter = await loadAdapter(name);
  try {
    return { name, version: adapter.version(), adapter };
  } catch (error) {
    return { name, version: null, unavailable: error.message, adapter };
  }
}

async function describeMachine({ client, isPrivate }) {
  const redis = /^redis_version:(\S+)/m.exec(await client.info('server'))[1];
  const [{ model }] = cpus();
  return {
    cpu: model,
    cores: cpus().length,
    memoryBytes: totalmem(),
    platform: process.platform,
    node: process.versions.node,
    redis,
    privateRedis: isPrivate,
  };
}

function publish(report, json) {
  const text = render(report, subject);
  const asJson = `${JSON.stringify(report, null, 2)}\n`;
  if (json === '-') {
    process.stderr.write(`${text}\n`);
    process.stdout.write(asJson);
    return;
  }
  print(text);
  if (json !== undefined) writeFileSync(json, asJson);
}

function logProgress({ round, case: each, library, outcome }) {
  const figure = outcome.error ?? `${Number(outcome.value.toPrecision(4))} ${each.unit}`;
  process.stderr.write(
    `round ${round + 1}  ${each.id.padEnd(20)} ${library.padEnd(10)} ${figure}\n`,
  );
}

function print(text) {
  process.stdout.write(`${text}\n`);
}

for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, () => process.exit(1));

main(process.argv.slice(2)).catch((error) => {
  const known = error instanceof CannotRunError;
  process.stderr.write(
    known ? `${error.message}\n(--help shows the options)\n` : `${error.stack}\n`,
  );
  process.exitCode = known ? 2 : 1;
});
