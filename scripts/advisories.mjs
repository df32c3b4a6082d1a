// @ts-check
import { command, run, say } from './running.mjs';

// `npm run advisories`: what is known against the packages that this one brings along (`npm audit`). Exits with 0 when
// there is nothing, with 1 when there is something, and with 2 when nobody answered: then nothing is known, which is no success.
await command(async () => {
  const { output } = await run('npm', ['audit', '--omit=dev', '--json'], { output: 'collect' });
  const report = reportIn(output);
  if (!report) {
    say('advisories: no answer from the registry, so NOTHING IS KNOWN about the dependencies');
    return 2;
  }
  const found = Object.values(report.vulnerabilities);
  for (const { name, severity, range } of found) say(`advisories: ${severity}: ${name} ${range}`);
  const { dependencies } = report.metadata;
  say(`advisories: ${found.length} of ${dependencies.prod} packages have one`);
  return found.length > 0 ? 1 : 0;
});

/**
 * npm's report, found among its other lines. `null` when it is an error instead.
 *
 * @param {string} output
 * @returns {{ vulnerabilities: Record<string, { name: string, severity: string, range: string }>, metadata: { dependencies: { prod: number } } } | null}
 */
function reportIn(output) {
  const json = output.slice(output.indexOf('{'), output.lastIndexOf('}') + 1);
  try {
    const report = JSON.parse(json);
    return report.vulnerabilities && report.metadata ? report : null;
  } catch {
    return null;
  }
}
