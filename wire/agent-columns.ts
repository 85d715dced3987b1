/** The row sections of an AgentBatch as fields of the message: steps where the wire has steps, all else as it is. */
import type { AgentBatch } from './agent-batch.ts';
import { codingOf, codings } from './column-codings.ts';
import { columnNumbers, type ListName, listNumbers, type SectionName } from './column-numbers.ts';
import { messageType } from './proto-file.ts';

/** The columns under the names of their fields in camelCase. */
export type ColumnFields = Readonly<Record<string, ArrayLike<number>>>;

export function encodeColumns(batch: Pick<AgentBatch, SectionName | ListName>): ColumnFields {
  const fields: Record<string, ArrayLike<number>> = {};
  for (const [section, numbers] of Object.entries(columnNumbers)) {
    const values = batch[section as SectionName] as unknown as Record<string, ArrayLike<number>>;
    if (values['slot']!.length > 0) {
      for (const [name, number] of Object.entries(numbers))
        addColumn(fields, number, values[name]!, name === 'slot');
    }
  }
  for (const [list, number] of Object.entries(listNumbers))
    addColumn(fields, number, batch[list as ListName], true);
  return fields;
}

/** @param isWhole its length says how many rows there are, so it must not end early */
function addColumn(
  fields: Record<string, ArrayLike<number>>,
  number: number,
  values: ArrayLike<number>,
  isWhole: boolean,
): void {
  const { name, type } = messageType('AgentMessage').byNumber[number]!;
  const coding = codingOf[type];
  if (coding === codings.steps) fields[name] = isWhole ? stepsOf(values) : withoutLastZeros(stepsOf(values));
  else if (coding === codings.numberSteps) fields[name] = withoutLastZeros(numberStepsOf(values));
  else fields[name] = values;
}

/** Modulo 2^32. */
function stepsOf(values: ArrayLike<number>): Int32Array {
  const steps = new Int32Array(values.length);
  let before = 0;
  for (let row = 0; row < steps.length; row++) {
    steps[row] = values[row]! - before;
    before = values[row]!;
  }
  return steps;
}

function numberStepsOf(values: ArrayLike<number>): Float64Array {
  const steps = new Float64Array(values.length);
  let before = 0;
  for (let row = 0; row < steps.length; row++) {
    steps[row] = values[row]! - before;
    before = values[row]!;
  }
  return steps;
}

/** Rows that are like the one before, up to the last, need not be told. */
function withoutLastZeros<Steps extends Int32Array | Float64Array>(steps: Steps): Steps {
  let end = steps.length;
  while (end > 0 && steps[end - 1] === 0) end--;
  return steps.subarray(0, end) as Steps;
}
