import { afterAll, describe, expect, it } from 'vitest'
import { sandboxConformance } from '../../testing/sandbox-conformance.ts'
import { monty } from './monty.ts'

sandboxConformance('monty', () => monty({ processes: 2 }), { describe, it, expect, afterAll })
