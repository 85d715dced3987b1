/** How long questions to a full live view take, and for how long they keep all others waiting. */
import type { EngineFigure } from '../engine-page.ts';
import { inProcess } from '../roles.ts';
import { type QuestionRun, questionsRole } from './questions-run.ts';

/** @param halves of which the other parts are. What is asked here knows objects of ingest as well, and is a fraction of it */
export function measureQuestions(halves: number): EngineFigure[] {
  const connections = Math.min(300_000, halves / 2);
  console.log(`questions: ${connections.toLocaleString('en')} connections`);
  return inProcess<QuestionRun[]>(questionsRole, String(connections)).map(figureOf);
}

function figureOf({ name, wallMs, cpuMs, loopCpuMs, pauseMs, rows }: QuestionRun): EngineFigure {
  return {
    what: `longest pause by \`${name}\`, ms`,
    goal: '<= 20',
    ratios: [pauseMs],
    values: `${wallMs.toFixed(0)} ms in all, ${cpuMs.toFixed(0)} ms of CPU, ${loopCpuMs.toFixed(0)} ms of them of the event loop; ${rows.toLocaleString('en')} rows`,
  };
}
