/** How sockets are read here: every way that was tried, what the best one shows, what it costs, and what it does not see. Pure. */
import { defaultAgentConfig } from '../../agent/config.ts';
import { type Check, type Findings, facility, lacking, ok, type ScanFindings } from './findings.ts';

/** As agents have them that nobody told otherwise. */
const { intervalMs, cpuMaxPercent } = defaultAgentConfig;

export function collectorChecks(findings: Findings): Check[] {
  const best = findings.rungs.find(({ problem }) => problem === null);
  return [
    ...findings.rungs.map((rung) => {
      const { name, problem, lost, fix } = rung;
      if (rung === best) return ok(`collector ${name}`, 'works: agents here read sockets this way');
      return facility(`collector ${name}`, problem, lost, fix);
    }),
    scanCheck(findings),
    ...(findings.scan === null ? [] : [budgetCheck(findings.scan)]),
    ...findings.events.map(({ name, problem, lost, fix }) => facility(`events ${name}`, problem, lost, fix)),
  ];
}

function scanCheck({ scan, scanProblem }: Findings): Check {
  if (scan === null)
    return lacking('sockets', scanProblem ?? 'no scan', 'everything', 'mount -t proc proc /proc');
  const place = `${scan.namespaces} network namespace${scan.namespaces === 1 ? '' : 's'}`;
  const detail = `${scan.sockets} in ${place}, by ${scan.collector}`;
  if (scan.cannotSee.length === 0) return ok('sockets', detail);
  // Each of the sentences ends with what to do.
  return { check: 'sockets', state: 'lacking', detail, lost: scan.cannotSee.join(' '), fix: null };
}

/** What an agent spends besides, on what it tells the aggregator, is known only when it runs. */
function budgetCheck({ costMs }: ScanFindings): Check {
  const percent = (costMs / intervalMs) * 100;
  const share = percent < 0.1 ? 'less than 0.1' : percent.toFixed(1);
  const detail = `a scan takes ${costMs.toFixed(1)} ms of CPU: ${share} % of a core at one per second`;
  if (percent <= cpuMaxPercent) return ok('CPU', `${detail}, of ${cpuMaxPercent} % allowed`);
  const everyS = (percent / cpuMaxPercent) * (intervalMs / 1000);
  return lacking(
    'CPU',
    `${detail}, of ${cpuMaxPercent} % allowed`,
    `scans follow each other every ${everyS.toFixed(0)} s instead: what opens and closes between them shows late or not at all`,
    `--cpu-max ${Math.ceil(percent)} for the agent`,
  );
}
