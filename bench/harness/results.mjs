import { median, spread } from './median.mjs';

/** One library's rounds of one case, summed up. `values` keeps one entry per round, null for a failed one. */
export function summarise({ case: each, adapter, outcomes }) {
  const done = outcomes.filter((outcome) => outcome.error === undefined);
  const { value = null, ...metrics } = spreads(done);
  return {
    case: each.id,
    workload: each.workload,
    title: each.title,
    unit: each.unit,
    better: each.better,
    library: adapter.name,
    value,
    values: outcomes.map((outcome) => outcome.value ?? null),
    metrics,
    metricsByRound: outcomes.map(numbers),
    commands: commandMedians(done),
    errors: outcomes.flatMap(({ error }) => (error === undefined ? [] : [error])),
  };
}

function numbers(outcome) {
  return Object.fromEntries(
    Object.entries(outcome).filter(
      ([name, value]) => typeof value === 'number' && name !== 'value',
    ),
  );
}

function spreads(outcomes) {
  const names = outcomes.length === 0 ? [] : ['value', ...Object.keys(numbers(outcomes[0]))];
  return Object.fromEntries(
    names.map((name) => [name, spread(outcomes.map((outcome) => outcome[name]))]),
  );
}

function commandMedians(outcomes) {
  const names = new Set(outcomes.flatMap(({ commands = {} }) => Object.keys(commands)));
  const medians = [...names].map((name) => [
    name,
    median(outcomes.map(({ commands }) => commands[name] ?? 0)),
  ]);
  return Object.fromEntries(
    medians.filter(([, calls]) => calls >= 0.001).sort((a, b) => b[1] - a[1]),
  );
}
