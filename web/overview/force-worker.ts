/** The layout worker: ForceAtlas2 away from the page's own thread. A file of its own, since the page allows no blobs. */
import Graph from 'graphology';
import forceAtlas2 from 'graphology-layout-forceatlas2';
import type { ForceReply, ForceRequest } from './force-request.ts';

/** From here on the approximation pays for its tree. */
const barnesHutFrom = 200;

addEventListener('message', (event: MessageEvent<ForceRequest>) => {
  const reply = arrange(event.data);
  postMessage(reply, { transfer: [reply.buffer] });
});

function arrange({ points, fixed, sizes, edges, iterations }: ForceRequest): ForceReply {
  const graph = new Graph({ type: 'directed' });
  const count = sizes.length;
  for (let i = 0; i < count; i++) {
    graph.addNode(i, { x: points[2 * i], y: points[2 * i + 1], size: sizes[i], fixed: fixed[i] === 1 });
  }
  for (let i = 0; i < edges.length; i += 2) graph.mergeEdge(edges[i], edges[i + 1]);
  forceAtlas2.assign(graph, {
    iterations,
    settings: {
      ...forceAtlas2.inferSettings(graph),
      barnesHutOptimize: count >= barnesHutFrom,
      // Hubs move outwards, which keeps their spokes apart.
      outboundAttractionDistribution: true,
      linLogMode: true,
      adjustSizes: true,
      gravity: 0.4,
    },
  });
  const reply = new Float32Array(2 * count);
  graph.forEachNode((node, attributes) => {
    reply[2 * Number(node)] = attributes['x'];
    reply[2 * Number(node) + 1] = attributes['y'];
  });
  return reply;
}
