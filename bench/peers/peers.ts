import { existsSync } from 'node:fs'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import type { z } from 'zod'
import { langGraphRun } from './langgraph.ts'
import { openAiAgentsRun } from './openai-agents.ts'

/** Frameworks that are measured where they are installed, which is never in this repository. */
export const peers = ['@openai/agents', '@langchain/langgraph'] as const

export type Peer = (typeof peers)[number]

/** Makes one run of `steps` tool steps and an answer. */
export type PeerRun = () => Promise<void>

/** The peers' own copy of Zod. */
export interface Zod {
  readonly z: typeof z
}

/** Loads a module of the peers' folder. */
export type LoadPeer = <T>(name: string) => Promise<T>

/** The peer's run, from the folder that `BENCH_PEERS` names; null where it is not installed. */
export async function peerRun(peer: Peer, steps: number): Promise<PeerRun | null> {
  const folder = process.env['BENCH_PEERS']
  if (folder === undefined || !existsSync(join(folder, 'node_modules', peer))) return null
  const { resolve } = createRequire(join(folder, 'package.json'))
  const load: LoadPeer = async (name) => import(pathToFileURL(resolve(name)).href)
  return peer === '@openai/agents' ? openAiAgentsRun(load, steps) : langGraphRun(load, steps)
}
