import { appendFileSync, existsSync, readFileSync, writeFileSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import type {
  LanguageModelV4,
  LanguageModelV4CallOptions,
  LanguageModelV4GenerateResult,
  LanguageModelV4StreamPart,
} from '@ai-sdk/provider'
import { messageOf, TroupeError } from '../../errors/troupe-error.ts'
import { collectParts, type Answer } from '../answer.ts'
import { streamOf } from '../answer-stream.ts'
import type { CallMark, LanguageModel } from '../model.ts'
import { callMark } from '../prompt-text.ts'
import { toV4 } from '../v3.ts'
import { canonicalPrompt, promptKey } from './canonical.ts'
import { nearestPrompt, promptDiff } from './nearest.ts'
import { parseTape, TAPE_HEADER, tapeLine, type Tape, type TapeRecord } from './tape-file.ts'

export { TAPE_HEADER, tapeLine, type Tape, type TapeRecord } from './tape-file.ts'

/**
 * A model that answers from a tape and sends nothing. Prompts are compared without ids, times, durations and cost.
 *
 * A call that says who asks (`providerOptions.troupe` with `step`, and `run` where a tree has several) gets the answer recorded for
 * just that call and prompt: the last one, since a crash between the answer and the log makes a run ask again, and only the later
 * answer went on. That needs no memory, so it holds in a resumed run, which asks only for what its log lacks, and for
 * runs in parallel. Any other call gets, as the n-th equal prompt of this model object, the n-th answer recorded for it; that
 * counts from the start in a new process, so runs that are resumed should say who asks.
 *
 * Throws `model/no-turn` for a prompt that is not on the tape, with the nearest that is and where they differ.
 */
export function tapeModel(tape: Tape): LanguageModelV4 {
  const byPrompt = Map.groupBy(tape, (record) => promptKey(record.prompt))
  const asked = new Map<string, number>()

  const find = (call: LanguageModelV4CallOptions): TapeRecord => {
    const prompt = canonicalPrompt(call.prompt)
    const key = promptKey(prompt)
    const mark = callMark(call)
    const equal = byPrompt.get(key) ?? []
    const own = equal.findLast((record) => isMarkedBy(record, mark))
    if (own) return own
    // What is recorded for another step or run of a marked call is not this call's answer, unless nothing else is: steps may have moved.
    const nth = asked.get(key) ?? 0
    const record = equal[nth]
    if (record) {
      asked.set(key, nth + 1)
      return record
    }
    throw unknownPrompt(tape, prompt, mark, equal.length)
  }

  const doGenerate = async (call: LanguageModelV4CallOptions): Promise<LanguageModelV4GenerateResult> => {
    const { content, finishReason, usage } = find(call).answer
    return { content: [...content], finishReason, usage, warnings: [] }
  }
  return {
    specificationVersion: 'v4',
    provider: 'troupe.tape',
    modelId: 'tape',
    supportedUrls: {},
    doGenerate,
    doStream: async (call) => ({ stream: streamOf(await doGenerate(call)) }),
  }
}

/** Loads `tape:FILE`. Throws `config/missing-file` where it cannot be read, `config/invalid` where it is no tape. */
export async function loadTape(file: string): Promise<LanguageModelV4> {
  let text: string
  try {
    text = await readFile(file, 'utf8')
  } catch (error) {
    throw new TroupeError('config/missing-file', `the tape ${file} cannot be read: ${messageOf(error)}`, { cause: error })
  }
  return tapeModel(parseTape(text, file))
}

/** Where records go. `write` is awaited before the answer is handed on, so an answer that was acted on is on the tape. */
export interface TapeSink {
  write(record: TapeRecord): void | Promise<void>
}

/** The model, with each complete answer written to `sink`. Failed, cut and abandoned answers are not. */
export function recordingModel(model: LanguageModel, sink: TapeSink): LanguageModelV4 {
  const inner = toV4(model)
  const record = async (call: LanguageModelV4CallOptions, { content, finishReason, usage, modelId }: Answer): Promise<void> => {
    const { agent, run, step } = callMark(call)
    const by = { ...(agent !== undefined && { agent }), ...(run !== undefined && { run }), ...(step !== undefined && { step }) }
    await sink.write({
      ...(Object.keys(by).length > 0 && { by }),
      prompt: canonicalPrompt(call.prompt),
      answer: { content, finishReason, usage, modelId: modelId ?? inner.modelId },
    })
  }
  return {
    specificationVersion: 'v4',
    provider: inner.provider,
    modelId: inner.modelId,
    get supportedUrls() {
      return inner.supportedUrls
    },
    doGenerate: async (call) => {
      const result = await inner.doGenerate(call)
      if (result.finishReason.unified !== 'error')
        await record(call, { ...result, ...(result.response?.modelId && { modelId: result.response.modelId }) })
      return result
    },
    doStream: async (call) => {
      const result = await inner.doStream(call)
      const collector = collectParts()
      const watch = new TransformStream<LanguageModelV4StreamPart, LanguageModelV4StreamPart>({
        transform: async (part, controller) => {
          if (part.type !== 'error') collector.add(part)
          if (part.type === 'finish' && part.finishReason.unified !== 'error') await record(call, collector.answer())
          controller.enqueue(part)
        },
      })
      return { ...result, stream: result.stream.pipeThrough(watch) }
    },
  }
}

/**
 * A tape as a file: one record a line, each written whole and at once. An old file is overwritten, or with `append` (for a
 * run that is resumed) gone on with, without a last line that a crash has cut short. Throws `config/invalid` where it cannot be written.
 */
export function tapeFile(file: string, { append = false }: { readonly append?: boolean } = {}): TapeSink {
  const orFail = (write: () => void): void => {
    try {
      write()
    } catch (error) {
      throw new TroupeError('config/invalid', `the tape ${file} cannot be written: ${messageOf(error)}`, { cause: error })
    }
  }
  orFail(() => {
    const old = append && existsSync(file) ? readFileSync(file, 'utf8') : ''
    writeFileSync(file, old.slice(0, old.lastIndexOf('\n') + 1) || `${TAPE_HEADER}\n`)
  })
  return { write: (record) => orFail(() => appendFileSync(file, `${tapeLine(record)}\n`)) }
}

/** A tape in memory, for tests: `records` can be given to `tapeModel`. */
export function memoryTape(): TapeSink & { readonly records: Tape } {
  const records: TapeRecord[] = []
  return { records, write: (record) => void records.push(record) }
}

function isMarkedBy({ by }: TapeRecord, mark: CallMark): boolean {
  return by?.step !== undefined && by.step === mark.step && by.run === mark.run && by.agent === mark.agent
}

function unknownPrompt(tape: Tape, prompt: ReturnType<typeof canonicalPrompt>, mark: CallMark, used: number): TroupeError {
  const who = mark.agent ? `${mark.agent}${mark.step ? `, step ${mark.step}` : ''}` : 'an agent without a name'
  const details = { agent: mark.agent ?? null, step: mark.step ?? null }
  if (used > 0) {
    return new TroupeError('model/no-turn', `the tape has ${used} answers to this prompt of ${who}, and it was asked for once more`, {
      details,
    })
  }
  const nearest = nearestPrompt(tape, prompt)
  if (!nearest) return new TroupeError('model/no-turn', 'the tape is empty', { details })
  const diff = promptDiff(nearest.prompt, prompt)
  return new TroupeError(
    'model/no-turn',
    `the tape has no answer to this prompt of ${who}; the nearest recorded prompt differs (- recorded, + asked):\n${diff}`,
    {
      details: { ...details, diff },
    },
  )
}
