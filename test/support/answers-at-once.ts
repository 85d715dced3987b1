/** The answers of a live view that nobody changes meanwhile: each at once, from all of its steps. */
import { type Sight, seesAll } from '../../aggregator/security/sight.ts';
import type { Answer } from '../../aggregator/serve/answer.ts';
import * as answers from '../../aggregator/serve/answers.ts';
import type { FleetView } from '../../aggregator/serve/fleet-view.ts';
import type { AnswerRequest } from '../../aggregator/serve/request.ts';
import { atOnce } from '../../aggregator/steps.ts';

type AnswerAtOnce<Document> = (
  view: FleetView,
  request: AnswerRequest,
  now: number,
  sight?: Sight,
) => Document;

function inOneGo<Document>(answer: Answer<Document>): AnswerAtOnce<Document> {
  return (view, request, now, sight = seesAll) => atOnce(answer(view, request, now, sight));
}

export const connections = inOneGo(answers.connections);
export const to = inOneGo(answers.to);
export const from = inOneGo(answers.from);
export const listeners = inOneGo(answers.listeners);
export const services = inOneGo(answers.services);
export const hosts = inOneGo(answers.hosts);
export const map = inOneGo(answers.map);
export const deps = inOneGo(answers.deps);
