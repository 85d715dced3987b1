/** Nodes whose services are dialed at addresses that are not theirs, for the tests of answers and of their texts. */
import { hostNetns, netnsOf, ReportedFleet, translationOf } from '../../support/reported-fleet.ts';
import { startMs } from './story.ts';

const podNetns = 21;

/**
 * A cluster address (10.96.0.1:443, dialed by a pod of node1 and by node1 itself), a node port (10.0.0.1:30443, dialed
 * from 10.0.0.3) that node1 passes on, and a port that node2 publishes (10.0.0.2:18080, where its proxy listens too):
 * all of them are api on node2. web on node3 is masqueraded.
 */
export function cluster(): ReportedFleet {
  const fleet = new ReportedFleet({ sinceMs: startMs });
  const [node1, node2, node3] = [1, 2, 3].map((n) => fleet.host(`node${n}`, { addresses: [`10.0.0.${n}`] }));
  for (const [n, node] of [node1!, node2!, node3!].entries()) {
    node.netns.set(podNetns, netnsOf(podNetns, { addresses: [`10.244.${n + 1}.2`] }));
    fleet.view.reports.hostChanged(node, fleet.nowMs);
  }
  fleet.listen(node2!, '0.0.0.0:8443', { program: 'api', netns: podNetns, pid: 7 });
  fleet.listen(node2!, '0.0.0.0:18080', { program: 'docker-proxy', pid: 8 });
  const api = '10.244.2.2:8443';
  const server = (remote: string, stages: string[] = []): void => {
    const translation = translationOf('server', stages);
    fleet.open(node2!, api, remote, { program: 'api', netns: podNetns, pid: 7, translation });
  };
  const dialVip = (local: string, netns: number, program: string): void => {
    const translation = translationOf('client', [`${local}>${api}`]);
    fleet.open(node1!, local, '10.96.0.1:443', { program, netns, translation });
    server(local);
  };
  dialVip('10.244.1.2:40000', podNetns, 'shop');
  dialVip('10.0.0.1:40001', hostNetns, 'kubelet');
  fleet.forward(node1!, '10.0.0.3:40002>10.0.0.1:30443', `10.0.0.1:50002>${api}`);
  fleet.open(node3!, '10.0.0.3:40002', '10.0.0.1:30443', { program: 'curl' });
  server('10.0.0.1:50002');
  const masqueraded = translationOf('client', ['10.0.0.3:60003>10.0.0.2:18080']);
  fleet.open(node3!, '172.17.0.9:40003', '10.0.0.2:18080', { program: 'web', translation: masqueraded });
  server('10.0.0.3:60003', ['10.0.0.2:18080>10.0.0.3:60003']);
  fleet.pass(60_000);
  return fleet;
}
