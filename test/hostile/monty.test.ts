import { describe, expect, it } from 'vitest'
import { limitsOf } from '../../src/sandbox/limits.ts'
import { type MontySandbox, montyWith } from '../../src/sandbox/monty/create.ts'
import { ALL_DEFENCES, type Defences } from '../../src/sandbox/monty/protocol.ts'
import type { SandboxSession } from '../../src/sandbox/sandbox.ts'
import { type Attack, attack, ATTACKS, run, type Seen } from './monty-attacks.ts'
import { MAX_GAP_MS } from '../../src/testing/sandbox-conformance/awake.ts'

const TAKEN_OVER = new URL('./monty-child.ts', import.meta.url)

async function tryAttack(defences: Defences, tried: Attack): Promise<Seen> {
  await using sandbox = montyWith(defences, { processes: 1, ...(tried.takenOver && { childUrl: TAKEN_OVER }) })
  return await attack(sandbox, tried)
}

const off = (names: readonly (keyof Defences)[]): Defences => ({
  ...ALL_DEFENCES,
  ...Object.fromEntries(names.map((name) => [name, false])),
})
const describeSeen = (seen: Seen): string => JSON.stringify({ ...seen, frames: seen.frames.slice(0, 8) }).slice(0, 1_000)

describe('attacks on the monty sandbox', () => {
  for (const tried of ATTACKS) {
    it(`contains ${tried.name}`, async () => {
      const { without = [] } = tried
      for (const defences of without.length > 0 ? [ALL_DEFENCES, off(without)] : [ALL_DEFENCES]) {
        const seen = await tryAttack(defences, tried)
        expect(tried.isContained(seen), describeSeen(seen)).toBe(true)
        expect(seen.gapMs, describeSeen(seen)).toBeLessThan(MAX_GAP_MS)
      }
    })
  }
})

describe('every defence is needed', () => {
  const names = Object.keys(ALL_DEFENCES) as (keyof Defences)[]
  for (const name of names) {
    it(`without ${name} an attack gets through`, async () => {
      const [first] = ATTACKS.filter(({ defence }) => defence === name)
      expect(first).toBeDefined()
      if (first === undefined) return
      const seen = await tryAttack(off([name, ...(first.without ?? [])]), first)
      expect(first.isContained(seen), describeSeen(seen)).toBe(false)
    })
  }
})

async function within<T>(use: (sandbox: MontySandbox, open: () => Promise<SandboxSession>) => Promise<T>): Promise<T> {
  await using sandbox = montyWith(ALL_DEFENCES, { processes: 1 })
  return await use(sandbox, () =>
    sandbox.open({
      language: 'python',
      limits: limitsOf({ memoryMb: 64 }),
      tools: [{ name: 'echo', parameters: ['value'], signature: 'echo(value)' }],
      context: {},
    }),
  )
}

describe('ways out of the interpreter', () => {
  const PROBES = [
    'open("/etc/passwd").read()',
    'open("/tmp/x", "w")',
    '__import__("os")',
    'eval("1")',
    'exec("x = 1")',
    'compile("1", "", "eval")',
    'globals()',
    '().__class__.__base__',
    '"".__class__.__mro__',
    'echo.__globals__',
    '(lambda: 0).__code__',
    'ValueError("x").__traceback__',
    '[].__dir__()',
    'getattr(echo, "__self__")',
    'str.__subclasses__()',
    'import os\nos.system("id")',
    'import os\nos.popen("id")',
    'import os\nos.environ["PATH"]',
    'import os\nos.listdir("/")',
    'from pathlib import Path\nPath("/etc/passwd").read_text()',
    'from pathlib import Path\nlist(Path("/").iterdir())',
    'import socket',
    'import subprocess',
    'import ctypes',
    'import importlib',
    'import builtins',
    'import sys\nsys.modules',
    'import js',
    'import random\nrandom._os',
    'import typing\ntyping.sys',
    'import json\njson.codecs',
    'import asyncio\nasyncio.create_subprocess_shell("id")',
    'input()',
    'f"{echo.__init__.__globals__}"',
  ]
  it('are all refused, and the process stays', () =>
    within(async (sandbox, open) => {
      const session = await open()
      const pids = sandbox.pids()
      for (const probe of PROBES) {
        const seen = await run(session, probe)
        expect(['error', 'denied', 'syntax'], `${probe}: ${JSON.stringify(seen)}`).toContain(seen.outcome)
      }
      expect(sandbox.pids()).toEqual(pids)
      expect((await run(session, '3 + 4')).value).toBe(7)
    }))
})

describe('what one step does to later ones', () => {
  it.each([
    ['a line that goes on', 'a = 1\\'],
    ['a comment without an end of line', 'a = 1 # note'],
    ['a block without a body', 'if True:'],
    ['a text that is not closed', 'a = """x'],
    ['a bracket that is not closed', 'a = (1,'],
    ['builtins with other values', 'a = 1\nprint = len = str = SystemExit = None'],
    ['indentation', '  a = 1\n  b = 2'],
    ['names in other letters', 'ｅｃｈｏ = 5'],
    ['carriage returns', 'a = 1\rb = 2\r'],
    ['a swallowed final answer', 'try:\n    final_answer(1)\nexcept:\n    a = 2'],
  ])('nothing: %s', (_, code) =>
    within(async (_sandbox, open) => {
      const session = await open()
      await run(session, 'kept = 4')
      await run(session, code)
      expect(await run(session, 'kept + echo(value=0) + 2')).toMatchObject({ outcome: 'value', value: 7 })
    }),
  )
})

describe('processes', () => {
  it('are gone when the sandbox is', async () => {
    const pids = await within(async (sandbox, open) => {
      await run(await open(), '1')
      return sandbox.pids()
    })
    expect(pids.length).toBeGreaterThan(0)
    await new Promise((resolve) => setTimeout(resolve, 200))
    for (const pid of pids) expect(() => process.kill(pid, 0)).toThrow('ESRCH')
  })

  it('that are killed from outside cost neither the step that runs nor one that waits', () =>
    within(async (sandbox, open) => {
      const session = await open()
      const kill = (): void => sandbox.pids().forEach((pid) => process.kill(pid, 'SIGKILL'))
      const timer = setTimeout(kill, 150)
      expect(await run(session, 'n = 0\nfor i in range(2000000):\n    n += 1\nn')).toMatchObject({ outcome: 'value', value: 2_000_000 })
      clearTimeout(timer)
      const frames: string[] = []
      for await (const frame of session.execute('print("once")\na = echo(1)\nprint("twice")\na + n', {
        step: 2,
        signal: new AbortController().signal,
        clock: 0,
        seed: 0,
      })) {
        frames.push(frame.type === 'print' ? frame.text : frame.type)
        if (frame.type !== 'idle') continue
        kill()
        await new Promise((resolve) => setTimeout(resolve, 50))
        session.reply(1, { ok: true, value: '1' })
      }
      expect(frames).toEqual(['once', 'call', 'idle', 'twice', 'end'])
    }))

  it('hold many sessions that wait', () =>
    within(async (sandbox, open) => {
      const sessions = await Promise.all(Array.from({ length: 80 }, open))
      const outcomes = await Promise.all(sessions.map(async (session, n) => (await run(session, `echo(value=0) + ${n}`)).value))
      expect(outcomes).toEqual(sessions.map((_, n) => n + 1))
      expect(sandbox.pids().length).toBe(1)
    }))
})
