/** The WebGL map: a sigma renderer that is told what to show and tells what was clicked. */
import Graph from 'graphology';
import Sigma from 'sigma';
import { EdgeArrowProgram, NodeCircleProgram } from 'sigma/rendering';
import { type Drawing, isBetweenTwo } from '../graph/drawing.ts';
import type { Point } from '../graph/seed.ts';
import type { Selection } from '../state/place.ts';
import { visibleText } from '../words/visible.ts';
import { arrange } from './arrange.ts';
import { forceRequest, serviceSize } from './force-request.ts';
import { HollowNodeProgram } from './hollow-node.ts';
import { drawHover, drawLabel } from './labels.ts';
import { type Palette, readPalette } from './palette.ts';

export interface Overview {
  /** Draws; resolves when it stands, rejects when it cannot. A later call overtakes an earlier one. */
  show(drawing: Drawing): Promise<void>;
  select(selection: Selection | null): void;
  zoom(how: 'in' | 'out' | 'fit'): void;
  destroy(): void;
}

/** @param onSelect receives what was clicked; null for the empty stage. */
export function createOverview(
  stage: HTMLElement,
  onSelect: (selection: Selection | null) => void,
): Overview {
  const graph = new Graph({ type: 'directed' });
  const places = new Map<string, Point>();
  const darkness = matchMedia('(prefers-color-scheme: dark)');
  let palette = readPalette(stage);
  let selection: Selection | null = null;
  let arranging = new AbortController();
  const renderer = createRenderer(
    graph,
    stage,
    () => palette,
    () => selection,
  );
  renderer.on('clickNode', ({ node }) => onSelect({ kind: 'service', name: node }));
  renderer.on('clickEdge', ({ edge }) => {
    const [client, server] = graph.extremities(edge);
    onSelect({ kind: 'edge', client, server });
  });
  renderer.on('clickStage', () => onSelect(null));
  renderer.on('enterNode', () => stage.classList.add('pointing'));
  renderer.on('leaveNode', () => stage.classList.remove('pointing'));
  const repaint = (): void => {
    palette = readPalette(stage);
    renderer.setSetting('labelColor', { color: palette.ink });
    renderer.refresh();
  };
  darkness.addEventListener('change', repaint);

  return {
    show: async (drawing) => {
      arranging.abort();
      arranging = new AbortController();
      await placeNew(drawing, places, arranging.signal);
      fill(graph, drawing, places);
      renderer.setSetting('labelDensity', labelDensity(drawing.services.size));
      renderer.refresh();
    },
    select: (next) => {
      selection = next;
      renderer.refresh();
    },
    zoom: (how) => {
      const camera = renderer.getCamera();
      if (how === 'in') void camera.animatedZoom();
      else if (how === 'out') void camera.animatedUnzoom();
      else void camera.animatedReset();
    },
    destroy: () => {
      arranging.abort();
      darkness.removeEventListener('change', repaint);
      renderer.kill();
    },
  };
}

/** Names per cell of the label grid: few in a large map, where only the busiest services keep theirs. */
function labelDensity(count: number): number {
  return Math.max(0.7, 60 / count);
}

async function placeNew(drawing: Drawing, places: Map<string, Point>, signal: AbortSignal): Promise<void> {
  const names = [...drawing.services.keys()];
  if (names.every((name) => places.has(name))) return;
  const points = await arrange(forceRequest(drawing, places), signal);
  for (const [i, name] of names.entries()) places.set(name, { x: points[2 * i]!, y: points[2 * i + 1]! });
}

/** Self-calls are not drawn here: at this scale a loop is a blot; the evidence lists them. */
function fill(graph: Graph, drawing: Drawing, places: ReadonlyMap<string, Point>): void {
  graph.clear();
  for (const { name, observed } of drawing.services.values()) {
    graph.addNode(name, {
      ...places.get(name)!,
      label: visibleText(name),
      observed,
      type: observed ? 'circle' : 'hollow',
    });
  }
  for (const { client, server, open, oneEnd } of drawing.edges.filter(isBetweenTwo)) {
    graph.addEdge(client, server, { oneEnd, size: Math.min(4, 1 + Math.log2(open + 1) * 0.3) });
  }
  graph.forEachNode((name) => graph.setNodeAttribute(name, 'size', serviceSize(graph.degree(name))));
}

function createRenderer(
  graph: Graph,
  stage: HTMLElement,
  palette: () => Palette,
  selection: () => Selection | null,
): Sigma {
  const isChosenEdge = (client: string, server: string): boolean => {
    const chosen = selection();
    if (chosen?.kind === 'edge') return chosen.client === client && chosen.server === server;
    return chosen?.kind === 'service' && (chosen.name === client || chosen.name === server);
  };
  const isNearNode = (name: string): boolean => {
    const chosen = selection();
    if (chosen?.kind === 'edge') return chosen.client === name || chosen.server === name;
    if (chosen?.kind !== 'service' || !graph.hasNode(chosen.name)) return true;
    return chosen.name === name || graph.areNeighbors(chosen.name, name);
  };
  return new Sigma(graph, stage, {
    allowInvalidContainer: true,
    enableEdgeEvents: true,
    zIndex: true,
    labelFont: getComputedStyle(stage).fontFamily,
    labelSize: 13,
    labelColor: { color: palette().ink },
    labelGridCellSize: 120,
    labelRenderedSizeThreshold: 5,
    stagePadding: 48,
    defaultDrawNodeLabel: (context, node, settings) => drawLabel(context, node, settings, palette()),
    defaultDrawNodeHover: (context, node, settings) => drawHover(context, node, settings, palette()),
    defaultEdgeType: 'arrow',
    edgeProgramClasses: { arrow: EdgeArrowProgram },
    nodeProgramClasses: { circle: NodeCircleProgram, hollow: HollowNodeProgram },
    nodeReducer: (name, attributes) => {
      const chosen = selection();
      if (!isNearNode(name)) return { ...attributes, color: palette().faded, label: null, zIndex: 0 };
      const isChosen = chosen?.kind === 'service' && chosen.name === name;
      const plain = attributes['observed'] === true ? palette().service : palette().unobserved;
      return {
        ...attributes,
        color: isChosen ? palette().accent : plain,
        zIndex: 1,
        forceLabel: chosen !== null,
      };
    },
    edgeReducer: (edge, attributes) => {
      const [client, server] = graph.extremities(edge);
      if (isChosenEdge(client, server)) return { ...attributes, color: palette().accent, zIndex: 2 };
      if (selection() !== null && selection()?.kind !== 'connection')
        return { ...attributes, color: palette().faded, zIndex: 0 };
      const isOneEnd = attributes['oneEnd'] === true;
      return { ...attributes, color: isOneEnd ? palette().oneEnd : palette().bothEnds, zIndex: 1 };
    },
  });
}
