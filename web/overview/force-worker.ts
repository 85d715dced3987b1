/** The layout worker: ForceAtlas2 away from the page's own thread. A file of its own, since the page allows no blobs. */
import Graph from 'graphology';
import forceAtlas2 from 'graphology-layout-forceatlas2';
import type { ForceReply, ForceRequest } from './force-request.ts';
import { spreadOut } from './spread.ts';

/** From here on the approximation pays for its tree. */
const barnesHutFrom = 200;

/** The stage that sizes are meant for: smaller ones show the same picture, closer together. */
const stagePixels = 520;
/** Air between two services on that stage. */
const gapPixels = 6;

addEventListener('message', (event: MessageEvent<ForceRequest>) => {
  const reply = arrange(event.data);
  postMessage(reply, { transfer: [reply.buffer] });
});

function arrange({ points, fixed, sizes, edges, iterations }: ForceRequest): ForceReply {
  const graph = new Graph({ type: 'directed' });
  const count = sizes.length;
  for (let i = 0; i < count; i++) {
    graph.addNode(i, { x: points[2 * i], y: points[2 * i + 1], fixed: fixed[i] === 1 });
  }
  for (let i = 0; i < edges.length; i += 2) graph.mergeEdge(edges[i], edges[i + 1]);
  // A service that everybody calls says nothing about who belongs together: the busier an end, the weaker its pull.
  graph.forEachEdge((edge, _, client, server) => {
    const busier = Math.max(graph.degree(client), graph.degree(server));
    graph.setEdgeAttribute(edge, 'weight', 1 / Math.sqrt(busier));
  });
  forceAtlas2.assign(graph, {
    iterations,
    getEdgeWeight: 'weight',
    settings: {
      barnesHutOptimize: count >= barnesHutFrom,
      scalingRatio: 10,
      gravity: 1,
      slowDown: 1 + Math.log(count),
    },
  });
  const reply = new Float32Array(2 * count);
  graph.forEachNode((node, attributes) => {
    reply[2 * Number(node)] = attributes['x'];
    reply[2 * Number(node) + 1] = attributes['y'];
  });
  const unitsPerPixel = extentOf(reply) / stagePixels;
  const radii = sizes.map((size) => size * unitsPerPixel);
  spreadOut(reply, radii, fixed, gapPixels * unitsPerPixel);
  return reply;
}

/** Side of the square that holds every point, in layout units. */
function extentOf(points: Float32Array): number {
  const xs = points.filter((_, i) => i % 2 === 0);
  const ys = points.filter((_, i) => i % 2 === 1);
  const side = (values: Float32Array): number => Math.max(...values) - Math.min(...values);
  return Math.max(side(xs), side(ys), 1);
}
