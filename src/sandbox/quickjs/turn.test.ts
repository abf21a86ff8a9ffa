import { describe, expect, it } from 'vitest'
import { limitsOf } from '../limits.ts'
import { readTurn, type StepCounts } from './turn.ts'

const counts = (): StepCounts => ({
  limits: limitsOf({ maxCalls: 3, maxInFlight: 2, answerBytes: 10 }),
  tools: new Set(['echo']),
  calls: 0,
  inFlight: 0,
})

describe('readTurn', () => {
  it('reads frames in order, and how the main code stands', () => {
    expect(readTurn('[[["print","a"],["call",1,"echo","{}"]],null]', counts())).toEqual({
      frames: [
        { type: 'print', text: 'a' },
        { type: 'call', call: 1, tool: 'echo', args: '{}' },
      ],
      state: null,
    })
    expect(readTurn('[[],["value",null,"x"]]', counts()).state).toEqual(['value', null, 'x'])
  })

  for (const [why, text] of [
    ['no JSON', '{'],
    ['no list', '{}'],
    ['more than frames and state', '[[],null,1]'],
    ['a frame that is no list', '[[1],null]'],
    ['an unknown frame', '[[["exit",1]],null]'],
    ['a print that is no text', '[[["print",1]],null]'],
    ['a call number that was skipped', '[[["call",2,"echo","{}"]],null]'],
    ['a call number given twice', '[[["call",1,"echo","{}"],["call",1,"echo","{}"]],null]'],
    ['an unknown tool', '[[["call",1,"rm","{}"]],null]'],
    ['arguments that are no text', '[[["call",1,"echo",{}]],null]'],
    ['arguments that are too long', `[[["call",1,"echo",${JSON.stringify('x'.repeat(11))}]],null]`],
    ['too many calls in flight', '[[["call",1,"echo","1"],["call",2,"echo","1"],["call",3,"echo","1"]],null]'],
    ['an unknown state', '[[],["gone"]]'],
    ['a state of a wrong shape', '[[],["final",1]]'],
    ['an error of an unknown kind', '[[],["error","odd","a","b","c"]]'],
  ] as const) {
    it(`refuses ${why}`, () => {
      expect(() => readTurn(text, counts())).toThrow(expect.objectContaining({ code: 'sandbox/bad-frame' }))
    })
  }

  it('counts calls over the turns of a step', () => {
    const step = counts()
    for (let call = 1; call <= 3; call++) {
      readTurn(`[[["call",${call},"echo","1"]],null]`, step)
      step.inFlight--
    }
    expect(() => readTurn('[[["call",4,"echo","1"]],null]', step)).toThrow(expect.objectContaining({ code: 'sandbox/bad-frame' }))
  })
})
