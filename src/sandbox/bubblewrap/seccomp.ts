import { endianness } from 'node:os'

/** System calls that code has no use for and that reach far into the kernel, by architecture. Each fails with EPERM. */
const DENIED = {
  x64: {
    ptrace: 101,
    process_vm_readv: 310,
    process_vm_writev: 311,
    kcmp: 312,
    pidfd_getfd: 438,
    mount: 165,
    umount2: 166,
    pivot_root: 155,
    chroot: 161,
    open_tree: 428,
    move_mount: 429,
    fsopen: 430,
    fsconfig: 431,
    fsmount: 432,
    fspick: 433,
    mount_setattr: 442,
    unshare: 272,
    setns: 308,
    keyctl: 250,
    add_key: 248,
    request_key: 249,
    bpf: 321,
    perf_event_open: 298,
    userfaultfd: 323,
    io_uring_setup: 425,
    io_uring_enter: 426,
    io_uring_register: 427,
    init_module: 175,
    finit_module: 313,
    delete_module: 176,
    kexec_load: 246,
    kexec_file_load: 320,
    open_by_handle_at: 304,
    name_to_handle_at: 303,
    fanotify_init: 300,
    lookup_dcookie: 212,
    quotactl: 179,
    swapon: 167,
    swapoff: 168,
    reboot: 169,
    sethostname: 170,
    setdomainname: 171,
    acct: 163,
    syslog: 103,
    vhangup: 153,
    settimeofday: 164,
    clock_settime: 227,
    clock_adjtime: 305,
    adjtimex: 159,
    iopl: 172,
    ioperm: 173,
    modify_ldt: 154,
    uselib: 134,
    _sysctl: 156,
    move_pages: 279,
    vmsplice: 278,
  },
  arm64: {
    ptrace: 117,
    process_vm_readv: 270,
    process_vm_writev: 271,
    kcmp: 272,
    pidfd_getfd: 438,
    mount: 40,
    umount2: 39,
    pivot_root: 41,
    chroot: 51,
    open_tree: 428,
    move_mount: 429,
    fsopen: 430,
    fsconfig: 431,
    fsmount: 432,
    fspick: 433,
    mount_setattr: 442,
    unshare: 97,
    setns: 268,
    keyctl: 219,
    add_key: 217,
    request_key: 218,
    bpf: 280,
    perf_event_open: 241,
    userfaultfd: 282,
    io_uring_setup: 425,
    io_uring_enter: 426,
    io_uring_register: 427,
    init_module: 105,
    finit_module: 273,
    delete_module: 106,
    kexec_load: 104,
    kexec_file_load: 294,
    open_by_handle_at: 265,
    name_to_handle_at: 264,
    fanotify_init: 262,
    lookup_dcookie: 18,
    quotactl: 60,
    swapon: 224,
    swapoff: 225,
    reboot: 142,
    sethostname: 161,
    setdomainname: 162,
    acct: 89,
    syslog: 116,
    vhangup: 58,
    settimeofday: 170,
    clock_settime: 112,
    clock_adjtime: 266,
    adjtimex: 171,
    move_pages: 239,
    vmsplice: 75,
  },
} as const

const OTHERS = {
  x64: { audit: 0xc000003e, clone: 56, clone3: 435, socket: 41, ioctl: 16 },
  arm64: { audit: 0xc00000b7, clone: 220, clone3: 435, socket: 198, ioctl: 29 },
} as const

export type FilterArch = keyof typeof DENIED

// linux/filter.h, linux/seccomp.h: one instruction is u16 code, u8 jump if true, u8 jump if false, u32 operand.
const [LOAD, JUMP_EQUAL, JUMP_AT_LEAST, JUMP_ANY_BIT, RETURN] = [0x20, 0x15, 0x35, 0x45, 0x06]
const [ALLOW, KILL_PROCESS, ERRNO] = [0x7fff0000, 0x80000000, 0x00050000]
const [EPERM, ENOSYS, EAFNOSUPPORT] = [1, 38, 97]
const [NUMBER, ARCH, FIRST_ARGUMENT, SECOND_ARGUMENT] = [0, 4, 16, 24]
/** CLONE_NEWNS, NEWCGROUP, NEWUTS, NEWIPC, NEWUSER, NEWPID and NEWNET; NEWTIME shares its bit with the exit signal and is for unshare alone. */
const NEW_NAMESPACES = 0x7e020000
/** The numbers of the x32 ABI, a second door to the same calls. */
const X32 = 0x40000000
const [TIOCSTI, TIOCLINUX] = [0x5412, 0x541c]
const SOCKETS = [1, 2, 10] // AF_UNIX, AF_INET, AF_INET6: the latter two reach an empty network

/** Whether we have a filter for this machine: 64-bit Intel and Arm. */
export function isFilterArch(arch: string): arch is FilterArch {
  return arch in DENIED && endianness() === 'LE'
}

/**
 * A classic BPF program for `bwrap --seccomp`: what DENIED names, new namespaces by clone, sockets of other families and
 * typing into a terminal fail with an error; another ABI than the machine's own ends the process.
 */
export function seccompFilter(arch: FilterArch): Buffer {
  const { audit, clone, clone3, socket, ioctl } = OTHERS[arch]
  const program: (readonly [code: number, ifTrue: number, ifFalse: number, operand: number])[] = []
  const fail = (errno: number): number => program.push([RETURN, 0, 0, ERRNO | errno])
  program.push([LOAD, 0, 0, ARCH], [JUMP_EQUAL, 1, 0, audit], [RETURN, 0, 0, KILL_PROCESS], [LOAD, 0, 0, NUMBER])
  if (arch === 'x64') program.push([JUMP_AT_LEAST, 0, 1, X32], [RETURN, 0, 0, KILL_PROCESS])
  for (const number of Object.values(DENIED[arch])) {
    program.push([JUMP_EQUAL, 0, 1, number])
    fail(EPERM)
  }
  // Its flags are behind a pointer, where a filter cannot look. The C library falls back to clone.
  program.push([JUMP_EQUAL, 0, 1, clone3])
  fail(ENOSYS)
  program.push([JUMP_EQUAL, 0, 4, clone], [LOAD, 0, 0, FIRST_ARGUMENT], [JUMP_ANY_BIT, 0, 1, NEW_NAMESPACES])
  fail(EPERM)
  program.push([LOAD, 0, 0, NUMBER])
  program.push([JUMP_EQUAL, 0, SOCKETS.length + 3, socket], [LOAD, 0, 0, FIRST_ARGUMENT])
  SOCKETS.forEach((family, index) => program.push([JUMP_EQUAL, SOCKETS.length - index, 0, family]))
  fail(EAFNOSUPPORT)
  program.push(
    [LOAD, 0, 0, NUMBER],
    [JUMP_EQUAL, 0, 4, ioctl],
    [LOAD, 0, 0, SECOND_ARGUMENT],
    [JUMP_EQUAL, 1, 0, TIOCSTI],
    [JUMP_EQUAL, 0, 1, TIOCLINUX],
  )
  fail(EPERM)
  program.push([RETURN, 0, 0, ALLOW])
  const bytes = Buffer.alloc(program.length * 8)
  program.forEach(([code, ifTrue, ifFalse, operand], index) => {
    bytes.writeUInt16LE(code, index * 8)
    bytes.writeUInt8(ifTrue, index * 8 + 2)
    bytes.writeUInt8(ifFalse, index * 8 + 3)
    bytes.writeUInt32LE(operand >>> 0, index * 8 + 4)
  })
  return bytes
}
