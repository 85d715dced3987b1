/** A name that an agent reported: only ever a text node, its direction kept to itself, nothing in it invisible. */
import { visibleText } from '../words/visible.ts';

interface Props {
  readonly text: string;
  readonly class?: string;
}

export function Name({ text, class: className }: Props) {
  return <bdi class={className}>{visibleText(text)}</bdi>;
}
