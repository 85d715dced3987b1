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

export const wideMetric: Metric = { cardWidth: 184, cardHeight: 48, columnGap: 112, rowGap: 16, padding: 32 };
/** For a phone: three columns fill 388 pixels. Its card width and the style sheet's are one. */
export const narrowMetric: Metric = {
  cardWidth: 104,
  cardHeight: 48,
  columnGap: 28,
  rowGap: 12,
  padding: 10,
};

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

/** SVG path from the client's card to the server's: rightwards through the gap, else around the side. */
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
    return curve(fromX, fromY, fromX - bend, toX + bend, toX, toY);
  }
  const side = client.x + metric.cardWidth;
  const bulge = side + Math.min(metric.columnGap * 0.7, 24 + Math.abs(toY - fromY) / 6);
  return curve(side, fromY, bulge, bulge, side + headLength, toY);
}

function curve(x1: number, y1: number, bendFrom: number, bendTo: number, x2: number, y2: number): string {
  return `M${x1} ${y1}C${bendFrom} ${y1} ${bendTo} ${y2} ${x2} ${y2}`;
}

/** Line width in pixels: grows with the logarithm of the open connections. */
export function lineWidth(open: number): number {
  return Math.min(5, 1.25 + Math.log2(open + 1) * 0.4);
}
