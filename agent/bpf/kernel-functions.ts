/** Helpers of the kernel that programs call by number: enum bpf_func_id of include/uapi/linux/bpf.h. */
export const helpers = {
  /** r1 = map, r2 = address of the key; r0 = address of the value, or 0. */
  mapLookup: { id: 1, name: 'bpf_map_lookup_elem' },
  /** r0 = nanoseconds of CLOCK_MONOTONIC. */
  monotonicNs: { id: 5, name: 'bpf_ktime_get_ns' },
  /** r1 = map, r2 = socket, r3 = 0, r4 = 1 to make it where there is none; r0 = address of the value, or 0. */
  socketStorage: { id: 107, name: 'bpf_sk_storage_get' },
  /** r1 = destination, r2 = bytes, r3 = source; r0 = 0, or a negative errno. */
  probeReadKernel: { id: 113, name: 'bpf_probe_read_kernel' },
  /** r1 = destination, r2 = bytes, r3 = source, a text; r0 = its bytes with the NUL byte, or a negative errno. */
  probeReadKernelText: { id: 115, name: 'bpf_probe_read_kernel_str' },
  /** r1 = map, r2 = bytes, r3 = 0; r0 = a record to be filled and submitted, or 0. */
  ringReserve: { id: 131, name: 'bpf_ringbuf_reserve' },
  /** r1 = record, r2 = 1 to wake nobody. */
  ringSubmit: { id: 132, name: 'bpf_ringbuf_submit' },
  /** r1 = struct sock; r0 = its struct tcp_sock, or 0. */
  toTcpSock: { id: 137, name: 'bpf_skc_to_tcp_sock' },
  /** r0 = struct task_struct of whoever runs the program. */
  currentTask: { id: 158, name: 'bpf_get_current_task_btf' },
  /** r1 = struct file; r0 = its struct socket, or 0. */
  socketFromFile: { id: 162, name: 'bpf_sock_from_file' },
  /** r1 = times, r2 = callback(index, context), r3 = context, r4 = 0; a callback that returns 1 ends the loop. */
  loop: { id: 181, name: 'bpf_loop' },
  /** r1 = task, r2 = address, r3 = callback(task, struct vm_area_struct, context), r4 = context, r5 = 0. */
  findMemoryArea: { id: 180, name: 'bpf_find_vma' },
  /** r1 = destination, r2 = bytes, r3 = address, r4 = task, r5 = 0; r0 = 0, or a negative errno. May sleep. */
  copyFromTask: { id: 191, name: 'bpf_copy_from_user_task' },
} as const;
