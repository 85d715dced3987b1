/** One row of a list of facts. */
import type { ComponentChildren } from 'preact';

interface Props {
  readonly term: string;
  readonly children: ComponentChildren;
}

export function Fact({ term, children }: Props) {
  return (
    <div class="fact">
      <dt>{term}</dt>
      <dd>{children}</dd>
    </div>
  );
}
