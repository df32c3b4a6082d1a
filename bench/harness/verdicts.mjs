import { spread } from './median.mjs';

/**
 * Holds the goals against the results. A ratio is that of the medians; its min and max are those of
 * the ratios inside each round, which a slow minute of the machine disturbs less.
 */
export function judge(goals, results, subject) {
  return goals.flatMap((goal) => {
    const own = results.find((each) => each.case === goal.case && each.library === subject);
    const rivals = rivalsOf(goal, results, subject);
    if (own === undefined && !results.some((each) => each.case === goal.case)) return [];
    const rival = best(rivals, goal);
    const figure = own && figureOf(goal, own, rival);
    return [
      {
        case: goal.case,
        title: own?.title ?? results.find((each) => each.case === goal.case).title,
        metric: goal.metric,
        unit: unitOf(goal, own ?? rival),
        better: goal.better,
        kind: goal.against ? 'ratio' : 'figure',
        own: spreadOf(goal, own),
        against: rival
          ? { library: rival.library, case: rival.case, value: spreadOf(goal, rival) }
          : null,
        figure: figure ?? null,
        reach: goal.reach,
        aim: goal.aim,
        mark: figure ? mark(goal, figure.median) : 'unknown',
      },
    ];
  });
}

// A figure that stands for itself still shows the best peer's beside it.
function rivalsOf(goal, results, subject) {
  const { case: id, peer } = goal.against ?? goal;
  return results.filter(
    (each) =>
      each.case === id &&
      each.library !== subject &&
      (peer === undefined || each.library === peer) &&
      spreadOf(goal, each) !== null,
  );
}

function best(rivals, goal) {
  const sign = goal.better === 'higher' ? -1 : 1;
  const median = (rival) => spreadOf(goal, rival).median;
  return [...rivals].sort((a, b) => sign * (median(a) - median(b)))[0];
}

function figureOf(goal, own, rival) {
  const mine = spreadOf(goal, own);
  if (mine === null) return undefined;
  if (goal.against === null) return mine;
  if (rival === undefined) return undefined;
  const byRound = own.values
    .map((value, round) => value !== null && rival.values[round] && value / rival.values[round])
    .filter((value) => typeof value === 'number');
  const ofMedians = mine.median / rival.value.median;
  return { ...spread(byRound.length > 0 ? byRound : [ofMedians]), median: ofMedians };
}

function spreadOf({ metric }, result) {
  if (result === undefined) return null;
  return (metric === 'value' ? result.value : result.metrics[metric]) ?? null;
}

function unitOf({ metric }, result) {
  return metric === 'value' ? (result?.unit ?? '') : 'µs/job';
}

function mark({ better, reach, aim }, figure) {
  const holds = (goal) => goal !== null && (better === 'higher' ? figure >= goal : figure <= goal);
  if (holds(aim)) return 'aim';
  return holds(reach) ? 'reach' : 'below';
}
