// Gate: import ranks and cycles of src/. `node scripts/ranks.mjs [ROOT]` checks another tree (the rule set's own test does).
import { existsSync, readdirSync } from 'node:fs'
import { createRequire } from 'node:module'
import { join, resolve } from 'node:path'
import { cruise } from 'dependency-cruiser'

const require = createRequire(import.meta.url)
teachUsing(require('@swc/core/Visitor.js'))

const { forbidden, options, ranks, roots } = require('../.dependency-cruiser.cjs')
const root = resolve(process.argv[2] ?? join(import.meta.dirname, '..'))
const faults = existsSync(join(root, 'src')) ? [...strangers(), ...(await cruised())] : ['there is no src/ in ' + root]

for (const fault of faults) console.error(fault)
process.exitCode = faults.length > 0 ? 1 : 0

/** A folder or file of src/ that the table does not know has no rules, so it may not exist. */
function strangers() {
  return readdirSync(join(root, 'src'), { withFileTypes: true })
    .filter((entry) => !((entry.isDirectory() ? ranks : roots)[entry.name] !== undefined || entry.name.endsWith('.test.ts')))
    .map((entry) => `src/${entry.name}: has no rank in .dependency-cruiser.cjs`)
}

async function cruised() {
  process.chdir(root) // the rules speak of paths such as src/agent/…
  const { output } = await cruise(['src'], { ...options, ruleSet: { forbidden }, validate: true, baseDir: root })
  const seen = output.modules.filter((module) => module.source.startsWith('src/'))
  if (seen.length === 0) return ['no module was seen: the check checks nothing (parser and files?)']
  const imports = seen.flatMap((module) => module.dependencies)
  if (seen.length > 1 && imports.length === 0) return [`no import was seen in ${seen.length} modules: the parser does not read them`]
  console.log(`${seen.length} modules, ${imports.length} imports`)
  return output.summary.violations.map(
    ({ rule, from, to, cycle }) => `${rule.name}: ${cycle ? [from, ...cycle.map((step) => step.name)].join(' → ') : `${from} → ${to}`}`,
  )
}

/** swc parses `using`, but the visitor that dependency-cruiser builds on does not know it and throws. */
function teachUsing({ Visitor }) {
  const { visitStatement } = Visitor.prototype
  Visitor.prototype.visitStatement = function (statement) {
    if (statement.type !== 'UsingDeclaration') return visitStatement.call(this, statement)
    statement.decls = this.visitVariableDeclarators(statement.decls)
    return statement
  }
}
