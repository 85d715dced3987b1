/** Pixels of the column diagram: where cards stand and how lines run between them. */
import type { Slots } from './columns.ts';
import type { Point } from './seed.ts';

/** Size of a card and of the air around it, in CSS pixels on the 4-pixel grid. */
export interface Metric {
  readonly cardWidth: number;
  readonly cardHeight: number;
  readonly columnGap: number;
  readonly rowGap: number;
  readonly padding: number;
}

const roomy: Metric = { cardWidth: 184, cardHeight: 48, columnGap: 112, rowGap: 16, padding: 32 };
/** Three such columns fill the 390 pixels of a phone; more scroll. */
const tight: Metric = { cardWidth: 104, cardHeight: 48, columnGap: 28, rowGap: 12, padding: 10 };

/** The roomiest metric with which `columns` columns fit into `width` pixels, down to the tight one. */
export function metricFor(columns: number, width: number): Metric {
  const least = widthOf(columns, tight);
  const most = widthOf(columns, roomy);
  const share = Math.min(1, Math.max(0, (width - least) / (most - least)));
  const between = (key: keyof Metric): number => Math.floor(tight[key] + share * (roomy[key] - tight[key]));
  return {
    cardWidth: between('cardWidth'),
    cardHeight: between('cardHeight'),
    columnGap: between('columnGap'),
    rowGap: between('rowGap'),
    padding: between('padding'),
  };
}

function widthOf(columns: number, metric: Metric): number {
  return columns * metric.cardWidth + (columns - 1) * metric.columnGap + 2 * metric.padding;
}

/** How many columns the slots span, the empty ones between them included. */
export function columnsOf(slots: Slots): number {
  const columns = [...slots.values()].map((slot) => slot.column);
  return Math.max(...columns) - Math.min(...columns) + 1;
}

export interface Geometry {
  readonly width: number;
  readonly height: number;
  /** Top left corner of each card. */
  readonly corners: ReadonlyMap<string, Point>;
}

export function geometryOf(slots: Slots, metric: Metric): Geometry {
  const all = [...slots.values()];
  const firstColumn = Math.min(...all.map((slot) => slot.column));
  const firstRow = Math.min(...all.map((slot) => slot.row));
  const stepX = metric.cardWidth + metric.columnGap;
  const stepY = metric.cardHeight + metric.rowGap;
  const corners = new Map<string, Point>();
  let width = 0;
  let height = 0;
  for (const [name, slot] of slots) {
    const x = metric.padding + (slot.column - firstColumn) * stepX;
    const y = metric.padding + (slot.row - firstRow) * stepY;
    corners.set(name, { x, y });
    width = Math.max(width, x + metric.cardWidth + metric.padding);
    height = Math.max(height, y + metric.cardHeight + metric.padding);
  }
  return { width, height, corners };
}

/** Room that the arrow head takes before the server's card. */
const headLength = 8;

/** Lines against the reading direction run this much lower, so that a pair that calls each other shows two lines. */
const backwardsDrop = 10;

/** SVG path from the client's card to the server's: rightwards through the gap, else around the side; a self-call is a loop. */
export function linePath(client: Point, server: Point, metric: Metric): string {
  const middle = metric.cardHeight / 2;
  const fromY = client.y + middle;
  const toY = server.y + middle;
  if (server.x > client.x) {
    const fromX = client.x + metric.cardWidth;
    const toX = server.x - headLength;
    const bend = Math.min((toX - fromX) / 2, metric.columnGap);
    return curve(fromX, fromY, fromX + bend, toX - bend, toX, toY);
  }
  if (server.x < client.x) {
    const fromX = client.x;
    const toX = server.x + metric.cardWidth + headLength;
    const bend = (fromX - toX) / 2;
    return curve(fromX, fromY + backwardsDrop, fromX - bend, toX + bend, toX, toY + backwardsDrop);
  }
  const side = client.x + metric.cardWidth;
  if (server.y === client.y) return loopPath(side, client.y, metric);
  const bulge = side + Math.min(metric.columnGap * 0.7, 24 + Math.abs(toY - fromY) / 6);
  return curve(side, fromY, bulge, bulge, side + headLength, toY);
}

/** A self-call: out of the card's lower right and back into its upper right. */
function loopPath(side: number, top: number, metric: Metric): string {
  const low = top + (metric.cardHeight * 3) / 4;
  const high = top + metric.cardHeight / 4;
  return curve(side, low, side + 28, side + 28, side + headLength, high);
}

function curve(x1: number, y1: number, bendFrom: number, bendTo: number, x2: number, y2: number): string {
  return `M${x1} ${y1}C${bendFrom} ${y1} ${bendTo} ${y2} ${x2} ${y2}`;
}

/** Line width in pixels: grows with the logarithm of the open connections. */
export function lineWidth(open: number): number {
  return Math.min(5, 1.25 + Math.log2(open + 1) * 0.4);
}
