/** Names on the WebGL map, drawn on its 2D layer: with a halo, so that lines behind do not cut them. */
import type { Settings } from 'sigma/settings';
import type { NodeDisplayData, PartialButFor } from 'sigma/types';
import type { Palette } from './palette.ts';

type Labelled = PartialButFor<NodeDisplayData, 'x' | 'y' | 'size' | 'label' | 'color'>;

/** Longer names end in an ellipsis; hovering and the evidence show them whole. */
const labelCharsMax = 28;

export function drawLabel(
  context: CanvasRenderingContext2D,
  node: Labelled,
  settings: Settings,
  palette: Palette,
): void {
  if (!node.label) return;
  write(context, shorten(node.label), node, settings, palette);
}

export function drawHover(
  context: CanvasRenderingContext2D,
  node: Labelled,
  settings: Settings,
  palette: Palette,
): void {
  context.beginPath();
  context.arc(node.x, node.y, node.size + 3, 0, 2 * Math.PI);
  context.strokeStyle = palette.accent;
  context.lineWidth = 2;
  context.stroke();
  if (node.label) write(context, node.label, node, settings, palette);
}

function write(
  context: CanvasRenderingContext2D,
  text: string,
  node: Labelled,
  settings: Settings,
  palette: Palette,
): void {
  context.font = `${settings.labelSize}px ${settings.labelFont}`;
  const x = node.x + node.size + 4;
  const y = node.y + settings.labelSize / 3;
  context.lineJoin = 'round';
  context.lineWidth = 4;
  context.strokeStyle = palette.paper;
  context.strokeText(text, x, y);
  context.fillStyle = palette.ink;
  context.fillText(text, x, y);
}

function shorten(text: string): string {
  const chars = Array.from(text);
  return chars.length <= labelCharsMax ? text : `${chars.slice(0, labelCharsMax - 1).join('')}…`;
}
