// Runs the tests with vitest and ends with one plain line, `N passed, N failed, N skipped`, and the names of what was skipped, with the reason.
// `npm test -- FILTER` runs the files whose path contains FILTER.
import { join } from 'node:path'
import { startVitest } from 'vitest/node'

// Threads and processes that tests start load src/ as TypeScript: stripped and compiled once, not each time.
process.env['NODE_COMPILE_CACHE'] ??= join(import.meta.dirname, '../node_modules/.cache/troupe-compile')

const filters = process.argv.slice(2)
// A whole run shares its cores with real servers, daemons and killed processes: what fails there is tried once more, and named below if it passes then.
const vitest = await startVitest('test', filters, { watch: false, run: true, retry: filters.length === 0 ? 1 : 0 })
const modules = vitest.state.getTestModules()
const tests = modules.flatMap((module) => [...module.children.allTests()])
const inState = (state) => tests.filter((test) => test.result().state === state)
// What kept tests from being run at all counts as a failure each: a file or a hook that threw, an error outside any test.
const suites = modules.flatMap((module) => [module, ...module.children.allSuites()])
const broken = suites.reduce((sum, suite) => sum + suite.errors().length, 0) + vitest.state.getUnhandledErrors().length
const skipped = inState('skipped')
const pending = inState('pending').length // never ran, without a word why: the run was cut short

for (const test of skipped)
  console.log(`skipped: ${test.module.relativeModuleId} > ${test.fullName}: ${test.result().note ?? 'no reason given'}`)

for (const test of tests.filter((test) => test.result().state === 'passed' && (test.diagnostic()?.retryCount ?? 0) > 0))
  console.log(`flaky: ${test.module.relativeModuleId} > ${test.fullName}: passed at the second attempt only`)

const passed = inState('passed').length
const failed = inState('failed').length + broken + pending
await vitest.close()
console.log(`${passed} passed, ${failed} failed, ${skipped.length} skipped`)
// A run that executed no test proves nothing. vitest sets the exit code itself for reasons of its own too, such as an obsolete snapshot in CI.
if (failed > 0 || passed === 0) process.exitCode = 1
