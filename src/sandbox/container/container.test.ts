import { afterAll, describe, expect } from 'vitest'
import { DOCKER_SOCKET, IMAGE, itNeeds, noDocker } from '../../../test/services.ts'
import { sandboxConformance } from '../../testing/sandbox-conformance.ts'
import { container } from './container.ts'

sandboxConformance('container', () => container({ image: IMAGE, socketPath: DOCKER_SOCKET, warm: 1 }), {
  describe,
  it: itNeeds(noDocker),
  expect,
  afterAll,
})
