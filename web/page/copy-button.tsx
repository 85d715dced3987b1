/** Copies a line of text, and says that it did. Where the browser forbids it, the line itself is shown to copy by hand. */
import { useState } from 'preact/hooks';

interface Props {
  readonly text: string;
  readonly label: string;
}

export function CopyButton({ text, label }: Props) {
  const [outcome, setOutcome] = useState<'copied' | 'refused' | null>(null);
  const copy = async (): Promise<void> => {
    try {
      // Undefined on plain HTTP off loopback.
      await navigator.clipboard.writeText(text);
      setOutcome('copied');
    } catch {
      setOutcome('refused');
    }
  };
  if (outcome === 'refused') return <code class="by-hand">{text}</code>;
  return (
    <button
      type="button"
      class="button"
      title={text}
      onBlur={() => setOutcome(null)}
      onClick={() => void copy()}
    >
      {outcome === 'copied' ? 'Copied' : label}
    </button>
  );
}
