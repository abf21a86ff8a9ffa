import { describe, expect, it } from 'vitest'
import { engineConformance } from '../../testing/engine-conformance.ts'
import { memory } from './memory.ts'

engineConformance('memory', memory, { describe, it, expect })
