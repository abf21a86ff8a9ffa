import { mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { ROOT, runProgram } from './run-program.ts'

/** What each example prints, whole. */
const PRINTED: Readonly<Record<string, string>> = {
  '01-hello.ts': 'No: 59600000 people live in Spain and Portugal, 68600000 in France.\n',
  '02-tools.ts': expect.stringMatching(/^corrected: Error \(line 2 of your code\): ArgumentsError: [^]*\n12 apples reserved as 2\.1\n$/),
  '03-events.ts': expect.stringMatching(
    /^task: What is the sum of the first three squares\?\nmodel: I try the small ones first\.\ncode: 2 lines, isolation: interpreter\nprinted: 1,4,9\nmodel: ```ts\ncode: 1 lines, isolation: interpreter\ndone: 14 after 2 steps, \d+ tokens written\n$/,
  ),
  '04-typed-output.ts': 'R-17: 16.7 EUR after 2 steps\n',
  '05-durable-run.ts': 'stopped; measured so far: bridge\ndone: { upper: 60, lower: 40, fall: 20 }\nmeasured in all: bridge, mill\n',
  '06-approval.ts': `asked: pay {"to":"the mill","euros":80}
printed: 80 EUR paid to the mill
asked: pay {"to":"a stranger","euros":5000}
printed: RejectedError
`,
  '07-managed-agents.ts': expect.stringMatching(/^(wordCounter starts\n){3}(wordCounter ends: done\n){3}It will rain\.\n$/),
  '08-session.ts': `What was the meter reading in March? 4210
And how much was used in the month after? 180
the meter was read for March and April
another tenant begins anew: done, 3 readings
`,
  '09-tape.ts': 'recorded: 2 answers\nreplayed: the same\n- user: IBM is at 12\n+ user: IBM is at 13\n',
  '10-budget-and-hooks.ts': `deny privacy
RejectedError
allow hook
nothing on rivers; ask (an address)
allow hook
nothing on lakes; ask (an address)
limit: The archive has nothing on rivers.
`,
  '11-team.ts': `run: routing → planning
run: planning → working
rain: pending → running
rain: running → validating
evidence that does not stand: there is no 'rainfall#1'; there are step#1
rain: validating → running
rain: running → validating
rain: validating → done
run: working → synthesizing
run: synthesizing → reviewing
run: reviewing → done
It rained 840 mm in 2023.
`,
  '12-planner-coder-reviewer.ts': 'sent back: That is the middle of the list, not of the order.\ndone by coder\ndone 5\n',
  '13-map-reduce.ts': `item_1 to letterReader
item_2 to letterReader
item_3 to letterReader
reduce to counter
2 of 3 are urgent
`,
  '14-debate.ts': expect.stringMatching(
    /^(round_1_\d \w+\n){2}(round_2_\d \w+\n){2}verdict gardener\n\{\n {2}verdict: 'a hedge lasts longer than a fence is quick',\n {2}against: 'a fence is quick'\n\}\n$/,
  ),
  '15-supervisor.ts': `pending → running: what it needs is there
running → running: sales hands it over to repairs: Something is broken.
running → validating: repairs has answered
validating → done: its output stands
A technician comes on Monday.
`,
  '16-plan-and-execute.ts': `old (oldHand): When was the mill founded?
changed by the architect
+ new (newHand): When was the mill founded? Use the new archive.
1872
`,
}

describe('the numbered examples', { timeout: 60_000 }, () => {
  let folder: string
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'troupe-examples-'))
  })
  afterAll(() => rm(folder, { recursive: true, force: true }))

  test('each has its expectation here', async () => {
    const files = await readdir(join(ROOT, 'examples'))
    expect(files.filter((name) => /^\d\d-.*\.ts$/.test(name))).toEqual(Object.keys(PRINTED))
  })

  for (const [file, printed] of Object.entries(PRINTED)) {
    test(`${file} prints its result`, async () => {
      const ended = await runProgram(file, { env: { STORE: join(folder, 'examples.db') } })
      expect(ended).toEqual({ code: 0, stdout: printed, stderr: '' })
    })
  }
})
