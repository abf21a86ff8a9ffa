import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { DEFAULT_LIMITS } from '../limits.ts'
import { Cgroup, findCgroups } from './cgroup.ts'
import { seccompFilter } from './seccomp.ts'

const AUDIT = { x64: 0xc000003e, arm64: 0xc00000b7 } as const

/** Runs a classic BPF program as the kernel does, on what a filter is given of a system call. */
function verdict(program: Buffer, call: { readonly arch: number; readonly number: number; readonly args?: readonly number[] }): number {
  const data = Buffer.alloc(64)
  data.writeUInt32LE(call.number, 0)
  data.writeUInt32LE(call.arch >>> 0, 4)
  call.args?.forEach((arg, index) => data.writeBigUInt64LE(BigInt(arg), 16 + 8 * index))
  let value = 0
  for (let at = 0; at < program.length; at += 8) {
    const [code, ifTrue, ifFalse, operand] = [
      program.readUInt16LE(at),
      program.readUInt8(at + 2),
      program.readUInt8(at + 3),
      program.readUInt32LE(at + 4),
    ]
    const jump = (isTrue: boolean): void => {
      at += 8 * (isTrue ? ifTrue : ifFalse)
    }
    if (code === 0x20) value = data.readUInt32LE(operand)
    else if (code === 0x15) jump(value === operand)
    else if (code === 0x35) jump(value >= operand)
    else if (code === 0x45) jump((value & operand) !== 0)
    else return operand
  }
  return -1
}

describe.each(['x64', 'arm64'] as const)('the filter of system calls for %s', (arch) => {
  const program = seccompFilter(arch)
  const numbers =
    arch === 'x64'
      ? { read: 0, ptrace: 101, mount: 165, clone: 56, socket: 41, ioctl: 16 }
      : { read: 63, ptrace: 117, mount: 40, clone: 220, socket: 198, ioctl: 29 }
  const ask = (number: number, ...args: number[]): number => verdict(program, { arch: AUDIT[arch], number, args })
  const [ALLOW, EPERM, KILL] = [0x7fff0000, 0x00050001, 0x80000000]

  it('lets ordinary calls through', () => {
    expect(ask(numbers.read, 0)).toBe(ALLOW)
    expect(ask(numbers.clone, 0x3d0f00)).toBe(ALLOW) // a thread
    expect(ask(numbers.clone, 17)).toBe(ALLOW) // fork: SIGCHLD
    for (const family of [1, 2, 10]) expect(ask(numbers.socket, family)).toBe(ALLOW)
    expect(ask(numbers.ioctl, 0, 0x5401)).toBe(ALLOW)
  })

  it('refuses what reaches into the kernel', () => {
    for (const number of [numbers.ptrace, numbers.mount]) expect(ask(number)).toBe(EPERM)
    for (const flag of [0x00020000, 0x02000000, 0x04000000, 0x08000000, 0x10000000, 0x20000000, 0x40000000])
      expect(ask(numbers.clone, flag | 17)).toBe(EPERM)
    expect(ask(435)).toBe(0x00050000 | 38)
    for (const family of [16, 17, 38, 40]) expect(ask(numbers.socket, family)).toBe(0x00050000 | 97)
    for (const request of [0x5412, 0x541c]) expect(ask(numbers.ioctl, 0, request)).toBe(EPERM)
  })

  it('ends a process that speaks another ABI', () => {
    expect(verdict(program, { arch: 0x40000003, number: 11 })).toBe(KILL)
    if (arch === 'x64') expect(ask(0x40000000 + 59)).toBe(KILL)
  })
})

describe('cgroups of version 2', () => {
  /** A tree of plain files: it shows what is written where, not that a kernel heeds it. */
  function fake(): { readonly root: string; readonly base: string } {
    const root = mkdtempSync(join(tmpdir(), 'troupe-cgroup-'))
    mkdirSync(join(root, 'proc/self'), { recursive: true })
    writeFileSync(join(root, 'proc/self/cgroup'), '0::/user.slice\n')
    writeFileSync(join(root, 'proc/self/mounts'), 'cgroup2 /sys/fs/cgroup cgroup2 rw 0 0\n')
    const own = join(root, 'sys/fs/cgroup/user.slice')
    mkdirSync(own, { recursive: true })
    writeFileSync(join(own, 'cgroup.controllers'), 'cpu io memory pids\n')
    return { root, base: join(own, 'troupe') }
  }

  it('are made below our own group, with limits in the files of version 2', () => {
    const { root, base } = fake()
    const tree = findCgroups(root)
    expect(tree).toMatchObject({ version: 2, memory: base })
    if ('missing' in tree) return
    expect(readFileSync(join(base, 'cgroup.subtree_control'), 'utf8')).toBe('+memory +pids +cpu')
    const group = new Cgroup(tree)
    const dir = group.entrances[0]?.replace('/cgroup.procs', '') ?? ''
    writeFileSync(join(dir, 'memory.current'), '10000000')
    writeFileSync(join(dir, 'memory.stat'), 'anon 1\ninactive_file 2000000\nactive_file 1000000\n')
    writeFileSync(join(dir, 'pids.current'), '3')
    writeFileSync(join(dir, 'memory.events'), 'oom 1\noom_kill 2\n')
    group.limit({ ...DEFAULT_LIMITS, memoryMb: 100, processes: 5, cpus: 0.5 }, { memory: true, processes: true, cpus: true })
    const read = (file: string): string => readFileSync(join(dir, file), 'utf8')
    expect(read('memory.max')).toBe(`${7_000_000 + 104 * 1_048_576}`)
    expect(read('memory.swap.max')).toBe('0')
    expect(read('pids.max')).toBe('8')
    expect(read('cpu.max')).toBe('50000 100000')
    expect(group.ranOutOfMemory).toBe(true)
    rmSync(root, { recursive: true })
  })

  it('say what is missing where none may be made', () => {
    const root = mkdtempSync(join(tmpdir(), 'troupe-cgroup-'))
    expect(findCgroups(root)).toEqual({ missing: 'no cgroup file system is mounted' })
    rmSync(root, { recursive: true })
  })
})
