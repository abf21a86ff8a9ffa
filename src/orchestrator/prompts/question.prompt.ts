/** Asks the orchestrator's model what a member wants to know. */
export function questionPrompt({ question, brief }: { readonly question: string; readonly brief: string }): {
  readonly system: string
  readonly user: string
} {
  return {
    system: `You lead a team of agents. A member asks you something about its task.
Answer in a few sentences from what the state below says. When it does not say, tell the member so and what to assume meanwhile; make nothing up.`,
    user: `## State of the work\n${brief}\n\n## Question\n${question}`,
  }
}
