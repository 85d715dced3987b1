/** What the selection and the question single out on a map. */
import type { Drawing } from '../graph/drawing.ts';
import { endLabel } from '../words/format.ts';
import type { Answer } from './answer.ts';
import type { Selection } from './place.ts';
import { questionOf } from './question.ts';

/** Services that the query asks about: those that listen on its target, or bear its name. */
export function focusOf(answer: Answer): ReadonlySet<string> {
  const question = questionOf(answer.query);
  if (question.kind === 'filter') return new Set();
  if (question.kind === 'from') return new Set([question.source]);
  const listeners = answer.spoken !== null && 'listeners' in answer.spoken ? answer.spoken.listeners : [];
  return new Set([question.target, ...listeners.map(endLabel)]);
}

/** Whether a service belongs to the selection or touches it. Without a selection everything is near. */
export function isNear(name: string, selection: Selection | null, drawing: Drawing): boolean {
  if (selection === null || selection.kind === 'connection') return true;
  if (selection.kind === 'edge') return name === selection.client || name === selection.server;
  if (name === selection.name || !drawing.services.has(selection.name)) return true;
  return drawing.edges.some(
    ({ client, server }) =>
      (client === name && server === selection.name) || (server === name && client === selection.name),
  );
}
