import type { Language } from '../../sandbox/sandbox.ts'

/** Changes with the text, so that a run's log tells which one its model had. */
export const CODE_AGENT_PROMPT_VERSION = '1'

export interface CodeAgentPrompt {
  readonly name: string
  readonly language: Language
  /** Declarations of tools and managed agents, in the language. */
  readonly declarations: readonly string[]
  /** Declares the final answer with the type that it must fit; absent when anything will do. */
  readonly finalAnswer?: string
  readonly instructions?: string
  readonly maxSteps: number
  /** Whether each answer is JSON `{ thought, code }` instead of text. */
  readonly isStructured: boolean
  /** What there is not of the language in this sandbox. */
  readonly notes?: readonly string[]
}

/** The system text of an agent that acts by writing code. */
export function codeAgentPrompt(variables: CodeAgentPrompt): string {
  const { name, declarations, finalAnswer, instructions, maxSteps, isStructured, notes = [] } = variables
  const { title, tag, final, print, persistence, rules } = WORDING[variables.language]
  const tools =
    declarations.length === 0 ? 'There are no tools: work with the language alone.' : `\`\`\`${tag}\n${declarations.join('\n\n')}\n\`\`\``
  return [
    `You are ${name}, an agent that solves a task by writing ${title}. You work in steps, at most ${maxSteps}.
In each step you write ${isStructured ? 'JSON with a short `thought` and the `code` to run' : 'a short thought, then one fenced block of code'}. The code is run in a sandbox, and you are shown what it printed, its last value, and any error. You then take the next step, until you call ${final}.`,
    `## One step
${isStructured ? JSON.stringify({ thought: THOUGHT, code: print }) : `${THOUGHT}\n\`\`\`${tag}\n${print}\n\`\`\``}`,
    `## Functions that your code can call
${tools}`,
    `## Rules
${[...rules, ...notes].map((rule) => `- ${rule}`).join('\n')}
- ${persistence}
- Finish by calling ${final} in your code, with the value that the task asks for. It ends the run at once: look at results first, answer in a later step when you need to judge them.${finalAnswer === undefined ? '' : `\n- The final value must fit its type here:\n\`\`\`${tag}\n${finalAnswer}\n\`\`\``}
- Say only what the results show. When a result is missing or odd, say so; never make up a value.
- After an error, correct the cause. Do not repeat calls that have succeeded: their results are still in your variables.`,
    ...(instructions === undefined ? [] : [`## Instructions\n${instructions}`]),
  ].join('\n\n')
}

const THOUGHT = 'I need the two figures before I can compare them.'

interface Wording {
  readonly title: string
  readonly tag: string
  readonly final: string
  readonly print: string
  readonly persistence: string
  readonly rules: readonly string[]
}

const WORDING: Readonly<Record<Language, Wording>> = {
  typescript: {
    title: 'TypeScript',
    tag: 'ts',
    final: '`finalAnswer(value)`',
    print: 'const [a, b] = await Promise.all([first({ id: 1 }), second({ id: 2 })])\nconsole.log(a, b)',
    persistence: 'Top-level variables, functions and classes stay for later steps and may be declared again.',
    rules: [
      'Every function above is asynchronous and takes one object: `await name({ key: value })`. Use `Promise.all` for calls that do not need each other.',
      'There is no network, file system, `require`, `import`, timer or package: only the language itself and the functions above.',
      '`Date.now()` stands still during a step. Code that computes too long or uses too much memory is stopped.',
      'Print with `console.log` what you need to see; long output is cut in the middle.',
    ],
  },
  python: {
    title: 'Python',
    tag: 'python',
    final: '`final_answer(value)`',
    print: 'a = first(id=1)\nb = second(id=2)\nprint(a, b)',
    persistence: 'Top-level variables, functions and classes stay for later steps and may be defined again.',
    rules: [
      'The functions above are called without `await`, with keyword or positional arguments.',
      'There is no network, file system or package beyond what the sandbox has: use the functions above for everything outside.',
      'Code that computes too long or uses too much memory is stopped.',
      'Print with `print` what you need to see; long output is cut in the middle.',
    ],
  },
}
