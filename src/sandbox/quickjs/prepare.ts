import { SourceMap, stripTypeScriptTypes } from 'node:module'
import { parse } from 'acorn'
import { createPrepare, type Prepare } from '../prepare-typescript.ts'

export type { Prepared } from '../prepare-typescript.ts'

/** Turns one step of the model's TypeScript into a script for the guest: see `createPrepare`. */
export const prepare: Prepare = createPrepare({ strip: stripTypeScriptTypes, SourceMap, parse })
