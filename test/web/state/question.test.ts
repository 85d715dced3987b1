/** Which queries have an answer in one sentence. */
import { describe, expect, it } from 'vitest';
import { questionOf } from '../../../web/state/question.ts';

describe('questionOf', () => {
  it.each(['10.1.100.9:8743', '[fd00::1]:443', '10.0.0.0/8', ':5432', 'checkout', 'checkout:8080'])(
    '%s is a target',
    (text) => {
      expect(questionOf(` ${text} `)).toEqual({ kind: 'to', target: text });
      expect(questionOf(`to ${text}`)).toEqual({ kind: 'to', target: text });
      expect(questionOf(`from ${text}`)).toEqual({ kind: 'from', source: text });
    },
  );

  it.each(['', 'a and b', 'a b', 'not a', 'server.port=5432', '(a)', 'to', 'host ~ "web.*"', 'to a and b'])(
    '%j is a filter',
    (text) => {
      expect(questionOf(text)).toEqual({ kind: 'filter' });
    },
  );
});
