import { afterAll, describe, expect } from 'vitest'
import { itNeeds, noBubblewrap, ROOTFS } from '../../../test/services.ts'
import { sandboxConformance } from '../../testing/sandbox-conformance.ts'
import { bubblewrap } from './bubblewrap.ts'

sandboxConformance('bubblewrap', () => bubblewrap({ rootfs: ROOTFS, warm: 2 }), { describe, it: itNeeds(noBubblewrap), expect, afterAll })
