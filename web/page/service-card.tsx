/** One service on the map: its name, and where it listens or that no agent sees it. */
import type { DrawnService } from '../graph/drawing.ts';
import type { Point } from '../graph/seed.ts';
import { plural } from '../words/format.ts';
import { visibleText } from '../words/visible.ts';
import { Name } from './name.tsx';

interface Props {
  readonly service: DrawnService;
  readonly corner: Point;
  /** CSS pixels. */
  readonly width: number;
  readonly isFocus: boolean;
  readonly isSelected: boolean;
  readonly isDim: boolean;
  readonly isTabStop: boolean;
  readonly onFocus: () => void;
  readonly onKeyDown: (event: KeyboardEvent & { currentTarget: HTMLElement }) => void;
  readonly onSelect: () => void;
}

export function ServiceCard(props: Props) {
  const { service, corner, width } = props;
  const classes = [
    'card',
    !service.observed && 'unobserved',
    props.isFocus && 'focus',
    props.isSelected && 'selected',
    props.isDim && 'dim',
  ];
  return (
    <button
      type="button"
      class={classes.filter(Boolean).join(' ')}
      data-service={service.name}
      tabIndex={props.isTabStop ? 0 : -1}
      aria-pressed={props.isSelected}
      title={visibleText(service.name)}
      ref={(element) => {
        if (element === null) return;
        element.style.width = `${width}px`;
        element.style.transform = `translate(${corner.x}px, ${corner.y}px)`;
      }}
      onFocus={props.onFocus}
      onKeyDown={props.onKeyDown}
      onClick={props.onSelect}
    >
      <Name class="name" text={service.name} />
      <span class="detail">{detailOf(service)}</span>
    </button>
  );
}

/** Ports shown on a card; the evidence lists all. */
const cardPortsMax = 2;

function detailOf(service: DrawnService): string {
  const ports = service.ports.slice(0, cardPortsMax).map((port) => `:${port}`);
  const more = service.ports.length - ports.length;
  if (more > 0) ports.push(`+${more}`);
  const parts = [ports.join(' '), service.observed ? hostsWord(service.hosts) : 'no agent'];
  return parts.filter((part) => part !== '').join(' · ');
}

function hostsWord(hosts: readonly string[]): string {
  return hosts.length === 1 ? hosts[0]! : hosts.length === 0 ? '' : plural(hosts.length, 'host');
}
