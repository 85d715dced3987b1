/** Where on the running kernel the members lie that the programs for details and cgroups read. Beside kernel-layout.ts. */
import type { Btf } from './btf.ts';

export type DetailKernel = ReturnType<typeof detailKernel>;

export type CgroupKernel = ReturnType<typeof cgroupKernel>;

/** Throws BtfError when the kernel lacks one of them. */
export function detailKernel(btf: Btf) {
  const memory = (path: string) => btf.field('mm_struct', path);
  return {
    memoryOfTask: btf.field('task_struct', 'mm'),
    /** struct mm_struct, include/linux/mm_types.h. */
    memory: {
      executable: memory('exe_file'),
      argsStart: memory('arg_start'),
      argsEnd: memory('arg_end'),
      environmentStart: memory('env_start'),
      environmentEnd: memory('env_end'),
    },
    file: { name: btf.field('file', 'f_path.dentry'), mount: btf.field('file', 'f_path.mnt') },
    /** struct dentry: a name in a folder. */
    name: { parent: btf.field('dentry', 'd_parent'), text: btf.field('dentry', 'd_name.name') },
    /** struct mount, fs/mount.h; files point to the struct vfsmount inside. */
    mount: {
      inner: btf.field('mount', 'mnt'),
      root: btf.field('mount', 'mnt.mnt_root'),
      parent: btf.field('mount', 'mnt_parent'),
      place: btf.field('mount', 'mnt_mountpoint'),
    },
    area: { end: btf.field('vm_area_struct', 'vm_end'), file: btf.field('vm_area_struct', 'vm_file') },
    types: { name: btf.id('struct', 'dentry'), mount: btf.id('struct', 'mount') },
  } as const;
}

/** Throws BtfError when the kernel lacks one of them: before Linux 6.1 there is no such iterator. */
export function cgroupKernel(btf: Btf) {
  return {
    context: { cgroup: btf.field('bpf_iter__cgroup', 'cgroup') },
    cgroup: { node: btf.field('cgroup', 'kn'), parent: btf.field('cgroup', 'self.parent') },
    /** struct cgroup_subsys_state: a cgroup's parent is told through it, as kernfs_node.parent has changed its name. */
    state: { cgroup: btf.field('cgroup_subsys_state', 'cgroup') },
    node: { id: btf.field('kernfs_node', 'id'), name: btf.field('kernfs_node', 'name') },
    iterator: btf.id('func', 'bpf_iter_cgroup'),
  } as const;
}
