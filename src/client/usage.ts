/** What model calls have used. Counts are tokens; `costUsd` is absent where a model's price is not known. */
export interface Usage {
  readonly inputTokens: number
  readonly outputTokens: number
  /** Part of `inputTokens` that the provider read from its prompt cache. */
  readonly cachedInputTokens?: number
  /** Part of `outputTokens` that the model spent on reasoning. */
  readonly reasoningTokens?: number
  readonly costUsd?: number
}

export const NO_USAGE: Usage = { inputTokens: 0, outputTokens: 0 }

/** The sum; an optional part is present when either side has it. */
export function addUsage(a: Usage, b: Usage): Usage {
  const sum = (x?: number, y?: number): number | undefined => (x === undefined && y === undefined ? undefined : (x ?? 0) + (y ?? 0))
  const cachedInputTokens = sum(a.cachedInputTokens, b.cachedInputTokens)
  const reasoningTokens = sum(a.reasoningTokens, b.reasoningTokens)
  const costUsd = sum(a.costUsd, b.costUsd)
  return {
    inputTokens: a.inputTokens + b.inputTokens,
    outputTokens: a.outputTokens + b.outputTokens,
    ...(cachedInputTokens !== undefined && { cachedInputTokens }),
    ...(reasoningTokens !== undefined && { reasoningTokens }),
    ...(costUsd !== undefined && { costUsd }),
  }
}
