import { afterAll, describe, expect, it } from 'vitest'
import { sandboxConformance } from '../../testing/sandbox-conformance.ts'
import { quickjs } from './quickjs.ts'

sandboxConformance('quickjs', () => quickjs({ workers: 2 }), { describe, it, expect, afterAll })
