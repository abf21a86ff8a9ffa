import type { ViteUserConfig } from 'vitest/config'

// Tests stand beside the source; test/ holds what needs a built package, a killed process or a whole tree.
const config: ViteUserConfig = {
  test: {
    include: ['src/**/*.test.ts', 'test/**/*.test.ts', 'examples/**/*.test.ts', 'bench/**/*.test.ts'],
    exclude: ['**/node_modules/**', '**/dist/**', '**/.bars/**', '**/.troupe/**'],
    pool: 'forks', // a test may start worker threads and end processes: each file has a process of its own
    maxWorkers: 3,
    testTimeout: 20_000,
    hookTimeout: 20_000,
    teardownTimeout: 5_000,
    watch: false,
    passWithNoTests: false,
    restoreMocks: true,
    env: { TROUPE_TEST: '1', OPENAI_API_KEY: '', ANTHROPIC_API_KEY: '' },
  },
}

export default config
