/** The workload that a pod is one of, by its name. */
import { describe, expect, it } from 'vitest';
import { workloadOfPod } from '../../model/kubernetes-workload.ts';

describe('the workload of a pod', () => {
  it.each([
    ['of a Deployment', 'checkout-7d9f8b6c5d-x2x4q', 'checkout'],
    ['of a Deployment with dashes', 'kube-state-metrics-5c6bdf9b57-zx9kq', 'kube-state-metrics'],
    ['of a DaemonSet', 'node-exporter-x2x4q', 'node-exporter'],
    ['of a StatefulSet', 'postgres-0', 'postgres'],
    ['of a CronJob', 'backup-28371234-x2x4q', 'backup'],
    ['of a static pod', 'kube-apiserver-node-7', 'kube-apiserver'],
    ['of its own', 'redis', 'redis'],
    ['with a last word of five letters', 'redis-cache', 'redis-cache'],
    ['with nothing else', '-x2x4q', '-x2x4q'],
  ])('%s', (_, pod, workload) => expect(workloadOfPod(pod, 'node-7')).toBe(workload));

  it('needs no node', () =>
    expect(workloadOfPod('kube-apiserver-node-a', null)).toBe('kube-apiserver-node-a'));
});
