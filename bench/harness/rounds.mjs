import { Lab } from './lab.mjs';

const measurementLimitMs = 240_000;

/**
 * Measures every case with every library that can do it, once per round. Libraries take turns inside
 * a case and begin in another order each round, so that a slow minute of the machine hits them all.
 * A failed measurement is recorded with its reason and does not end the run.
 */
export async function runRounds({
  cases,
  libraries,
  rounds,
  scale,
  database,
  isWanted,
  onMeasured,
}) {
  const series = cases.flatMap((each) =>
    libraries
      .filter((adapter) => canMeasure(each, adapter) && isWanted(each, adapter))
      .map((adapter) => ({ case: each, adapter, outcomes: [] })),
  );
  for (let round = 0; round < rounds; round += 1) {
    for (const each of cases) {
      const turn = series.filter((one) => one.case === each);
      for (const one of rotate(turn, round)) {
        const queue = each.queue ?? `bench-${round}-${each.id}`;
        const outcome = await measureOnce({ ...one, queue, scale, database });
        one.outcomes[round] = outcome;
        onMeasured({ round, case: each, library: one.adapter.name, outcome });
      }
    }
  }
  return series;
}

async function measureOnce({ case: each, adapter, queue, scale, database }) {
  await database.flush();
  const lab = new Lab({ database, adapter, queue, scale });
  const limit = timeLimit(measurementLimitMs);
  const endNow = () => lab.endNow();
  process.once('exit', endNow);
  try {
    return await Promise.race([each.measure(lab, each), limit.passed]);
  } catch (error) {
    return { error: error.message };
  } finally {
    limit.clear();
    await lab.end();
    process.removeListener('exit', endNow);
  }
}

function canMeasure({ needs }, { abilities }) {
  return needs.every((ability) => abilities.includes(ability));
}

function rotate(list, by) {
  const start = list.length === 0 ? 0 : by % list.length;
  return [...list.slice(start), ...list.slice(0, start)];
}

function timeLimit(limitMs) {
  let timer;
  const passed = new Promise((_resolve, reject) => {
    timer = setTimeout(() => reject(new Error(`not done after ${limitMs / 1000} s`)), limitMs);
  });
  return { passed, clear: () => clearTimeout(timer) };
}
