/** Helpers of the kernel that programs call by number: enum bpf_func_id of include/uapi/linux/bpf.h. */
export const helpers = {
  /** r1 = map, r2 = address of the key; r0 = address of the value, or 0. */
  mapLookup: { id: 1, name: 'bpf_map_lookup_elem' },
  /** r1 = destination, r2 = bytes, r3 = source; r0 = 0, or a negative errno. */
  probeReadKernel: { id: 113, name: 'bpf_probe_read_kernel' },
  /** r0 = struct task_struct of whoever runs the program. */
  currentTask: { id: 158, name: 'bpf_get_current_task_btf' },
  /** r1 = struct file; r0 = its struct socket, or 0. */
  socketFromFile: { id: 162, name: 'bpf_sock_from_file' },
  /** r1 = times, r2 = callback(index, context), r3 = context, r4 = 0; a callback that returns 1 ends the loop. */
  loop: { id: 181, name: 'bpf_loop' },
} as const;
