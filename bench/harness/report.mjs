/** The run as Markdown tables: goals, every library's figures, and what a job costs. */
export function render({ machine, options, libraries, results, goals, elapsedSeconds }, subject) {
  return [
    `${machine.cpu} x ${machine.cores}, Node ${machine.node}, Redis ${machine.redis}; ${libraries.map(describe).join(', ')}`,
    `${options.rounds} round(s)${options.quick ? ', quick: a look, not a result' : ''}, ${elapsedSeconds} s; median (min..max)`,
    ...libraries.flatMap(({ name, unavailable }) =>
      unavailable ? [`${name}: ${unavailable}`] : [],
    ),
    section('Goals', goalRows(goals, subject)),
    section('Figures', figureRows(results, libraries)),
    section('Cost of a job', costRows(results)),
    ...failures(results),
  ]
    .filter((part) => part !== '')
    .join('\n');
}

function goalRows(goals, subject) {
  const head = ['question', subject, 'best peer', 'figure', 'Reach', 'Aim', 'held'];
  const rows = goals.map((goal) => [
    `${goal.title}${metricNote(goal.metric)}`,
    goal.own ? `${number(goal.own.median)} ${goal.unit}` : '-',
    goal.against ? `${goal.against.library} ${number(goal.against.value.median)}` : '-',
    goal.figure ? `${range(goal.figure)}${goal.kind === 'ratio' ? ' x' : ''}` : '-',
    bound(goal, goal.reach),
    bound(goal, goal.aim),
    { aim: 'aim', reach: 'reach', below: 'NO', unknown: '-' }[goal.mark],
  ]);
  return [head, ...rows];
}

function figureRows(results, libraries) {
  const names = libraries.map(({ name }) => name);
  const ids = [...new Set(results.map((each) => each.case))];
  const rows = ids.map((id) => {
    const ofCase = results.filter((each) => each.case === id);
    const cells = names.map((name) => cell(ofCase.find(({ library }) => library === name)));
    return [`${ofCase[0].title}, ${ofCase[0].unit}`, ...cells];
  });
  return [['workload', ...names], ...rows];
}

function costRows(results) {
  const head = ['workload', 'library', 'Node µs', 'Redis µs', 'commands', 'most called'];
  const rows = results
    .filter(({ metrics }) => metrics.redisCpuUsPerJob)
    .map(({ title, library, metrics, commands }) => [
      title,
      library,
      range(metrics.nodeCpuUsPerJob),
      range(metrics.redisCpuUsPerJob),
      number(metrics.commandsPerJob.median),
      mostCalled(commands),
    ]);
  return [head, ...rows];
}

function failures(results) {
  const lines = results.flatMap(({ title, library, errors }) =>
    errors.map((error) => `- ${title}, ${library}: ${error}`),
  );
  return lines.length === 0 ? [] : ['\n## Failed measurements\n', ...lines];
}

function mostCalled(commands) {
  const first = Object.entries(commands).slice(0, 6);
  return first.map(([name, calls]) => `${name} ${number(calls)}`).join(', ');
}

function cell(result) {
  if (result === undefined) return '-';
  return result.value === null ? 'failed' : range(result.value);
}

function bound({ better }, value) {
  return value === null ? '-' : `${better === 'higher' ? '>=' : '<='} ${value}`;
}

function metricNote(metric) {
  return { value: '', redisCpuUsPerJob: ': Redis CPU', nodeCpuUsPerJob: ': Node CPU' }[metric];
}

function describe({ name, version }) {
  return version ? `${name} ${version}` : `${name} absent`;
}

function range({ median, min, max }) {
  return min === max ? number(median) : `${number(median)} (${number(min)}..${number(max)})`;
}

function number(value) {
  if (Math.abs(value) >= 1000) return Math.round(value).toLocaleString('en-US');
  return String(Number(value.toPrecision(3)));
}

function section(title, rows) {
  if (rows.length < 2) return '';
  const widths = rows[0].map((_, column) => Math.max(...rows.map((row) => row[column].length)));
  const line = (row) => `| ${row.map((text, column) => text.padEnd(widths[column])).join(' | ')} |`;
  const rule = `|${widths.map((width) => '-'.repeat(width + 2)).join('|')}|`;
  return [`\n## ${title}\n`, line(rows[0]), rule, ...rows.slice(1).map(line)].join('\n');
}
