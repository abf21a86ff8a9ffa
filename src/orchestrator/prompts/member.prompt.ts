export interface MemberPrompt {
  readonly goal: string
  readonly task: string
  readonly objective: string
  readonly criteria: readonly string[]
  /** Names of the values that came with the task. */
  readonly inputs: readonly string[]
  readonly needsEvidence: boolean
  readonly defects: readonly string[]
  readonly findings: readonly string[]
  readonly notes: readonly string[]
  readonly handedOver?: { readonly from: string; readonly why: string; readonly state: string }
  /** Members that may be asked, or given the task. */
  readonly colleagues: readonly string[]
}

/** What a member is asked for one task: its own part of the work, and nothing of the rest. */
export function memberPrompt(prompt: MemberPrompt): string {
  const { goal, task, objective, criteria, inputs, needsEvidence, defects, findings, notes, handedOver, colleagues } = prompt
  return [
    `You do one task of a larger goal. Do this task and nothing else.`,
    `## Task ${task}\n${objective}`,
    ...(criteria.length === 0 ? [] : [`## It is accepted when\n${list(criteria)}`]),
    `## The goal that it serves\n${goal}`,
    ...(inputs.length === 0 ? [] : [`## Given\n${inputs.join(', ')}`]),
    ...(handedOver === undefined
      ? []
      : [`## Handed over by ${handedOver.from}\n${handedOver.why}\nWhat there is so far: ${handedOver.state}`]),
    ...(notes.length === 0 ? [] : [`## Notes of earlier tasks\n${list(notes)}`]),
    ...(findings.length === 0 ? [] : [`## Findings of the investigator\n${list(findings)}`]),
    ...(defects.length === 0
      ? []
      : [`## Your earlier attempts were turned down\n${list(defects)}\nRepair this. The same result again is not accepted.`]),
    `## Your final answer
An object { output, evidence }.${needsEvidence ? EVIDENCE : ''}
When something is odd, so that the task as it stands is doubtful, add "anomaly". A note for a later task goes into "notes".${
      colleagues.length === 0
        ? ''
        : `\nWhen another member should do this task (${colleagues.join(', ')}), answer { handOver: { to, why, state } } instead.`
    }`,
  ].join('\n\n')
}

const EVIDENCE = `
"evidence" is a list of { ref, quote }: what your output rests on. "ref" names where it stands: "TOOL#1" is your first call of a tool, "step#2" what your code of step 2 printed, "inputs.NAME" what was given. "quote" is a piece of it, word by word, or a number in it. Code looks each of them up; an answer without evidence, or with a quote that does not stand there, is turned down.`

function list(lines: readonly string[]): string {
  return lines.map((line) => `- ${line}`).join('\n')
}
