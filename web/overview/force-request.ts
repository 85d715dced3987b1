/**
 * What the page and the layout worker say to each other. Services are numbers here: the layout needs no names.
 * What has a place keeps it; what is new starts beside its neighbours.
 */
import { type Drawing, isBetweenTwo } from '../graph/drawing.ts';
import { type Point, seedPoint } from '../graph/seed.ts';

export interface ForceRequest {
  /** x, y of each service in turn. */
  readonly points: Float32Array;
  /** 1 where a service keeps its place. */
  readonly fixed: Uint8Array;
  /** Radius of each service in pixels, so that none is laid onto another. */
  readonly sizes: Float32Array;
  /** Client, server of each edge in turn. */
  readonly edges: Uint32Array;
  /** A fixed number rather than a time, so that every browser arrives at the same picture. */
  readonly iterations: number;
}

/** The new points, in the order of the request. */
export type ForceReply = Float32Array;

/** Radius of the disc in which a map of `count` services starts. */
function startRadius(count: number): number {
  return 10 * Math.sqrt(count);
}

/** More services need fewer rounds each to stay within two seconds; they are read by their clusters anyway. */
function iterationsFor(count: number): number {
  if (count <= 300) return 400;
  return count <= 1000 ? 200 : 100;
}

/** Radius of a service on screen and in the layout: grows with the number of its neighbours. */
export function serviceSize(neighbours: number): number {
  return Math.min(14, 3.5 + Math.sqrt(neighbours) * 1.4);
}

/** The request to lay out `drawing`, given the places that are kept. Pure. */
export function forceRequest(drawing: Drawing, kept: ReadonlyMap<string, Point>): ForceRequest {
  const names = [...drawing.services.keys()];
  const index = new Map(names.map((name, i) => [name, i]));
  const degree = new Uint32Array(names.length);
  const between = drawing.edges.filter(isBetweenTwo);
  const edges = new Uint32Array(2 * between.length);
  const anchors = new Map<string, Point>();
  for (const [i, { client, server }] of between.entries()) {
    const from = index.get(client)!;
    const to = index.get(server)!;
    edges.set([from, to], 2 * i);
    degree[from]! += 1;
    degree[to]! += 1;
    if (kept.has(server)) anchors.set(client, kept.get(server)!);
    if (kept.has(client)) anchors.set(server, kept.get(client)!);
  }
  const points = new Float32Array(2 * names.length);
  const fixed = new Uint8Array(names.length);
  const radius = startRadius(names.length);
  for (const [i, name] of names.entries()) {
    const point = kept.get(name) ?? startOf(name, anchors.get(name), radius);
    points.set([point.x, point.y], 2 * i);
    fixed[i] = kept.has(name) ? 1 : 0;
  }
  return {
    points,
    fixed,
    sizes: Float32Array.from(degree, serviceSize),
    edges,
    iterations: iterationsFor(names.length),
  };
}

function startOf(name: string, anchor: Point | undefined, radius: number): Point {
  const seed = seedPoint(name);
  if (anchor === undefined) return { x: seed.x * radius, y: seed.y * radius };
  return { x: anchor.x + seed.x * 20, y: anchor.y + seed.y * 20 };
}
