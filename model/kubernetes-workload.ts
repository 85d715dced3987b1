/** The workload that a Kubernetes pod is one of, from the name that its controller gave the pod. */

/** Letters and digits of generated parts: no vowels and no 0, 1 or 3, so that they form no words. */
const generated = '[bcdfghjklmnpqrstvwxz2456789]';

/** `-HASH-SUFFIX` of a Deployment, `-TIME-SUFFIX` of a CronJob, `-SUFFIX` of the others, `-NUMBER` of a StatefulSet. */
const controllerSuffix = new RegExp(`-(?:(?:${generated}{6,10}-|\\d{8,10}-)?${generated}{5}|\\d{1,5})$`);

/**
 * `checkout-7d9f8b6c5d-x2x4q` is of `checkout`, and so is `checkout-0`. A static pod's name ends with that of its node.
 *
 * @param nodeName null where it is unknown
 */
export function workloadOfPod(podName: string, nodeName: string | null): string {
  if (nodeName !== null && podName.endsWith(`-${nodeName}`)) {
    return podName.slice(0, -nodeName.length - 1) || podName;
  }
  return podName.replace(controllerSuffix, '') || podName;
}
