// Import ranks of src/ (docs/architecture/README.md, "Ranks"). A folder imports only lower ranks or itself.
// Run by scripts/ranks.mjs, which also fails when no module was seen or a folder has no rank here.
const RANKS = {
  util: 0,
  errors: 0,
  schema: 1,
  client: 1,
  telemetry: 1,
  models: 2,
  tools: 2,
  sandbox: 2,
  engine: 2,
  agent: 3,
  orchestrator: 4,
  server: 5,
  testing: 5,
  cli: 7,
}
const ROOTS = { 'index.ts': 6, 'models.ts': 6 } // single files in src/: the doors that compose
const PORTS = ['telemetry', 'models', 'tools', 'sandbox', 'engine']

const folders = Object.keys(RANKS)
const test = '\\.test(-d)?\\.ts$'
const port = `(?:${PORTS.join('|')})`
const adapter = `^src/${port}/[^/]+/`
const folder = (names) => `^src/(?:${names.join('|')})/`
const root = (names) => `^src/(?:${names.map((name) => name.replace('.', '\\.')).join('|')})$`

/** Everything of the same or a higher rank, except the folder or file itself. Equal ranks do not meet, except errors and util, the floor. */
function above(name, rank) {
  const floor = rank === 0
  const upFolders = folders.filter((other) => other !== name && (RANKS[other] > rank || (RANKS[other] === rank && !floor)))
  const upRoots = Object.keys(ROOTS).filter((other) => other !== name && ROOTS[other] >= rank)
  return [...(upFolders.length > 0 ? [folder(upFolders)] : []), ...(upRoots.length > 0 ? [root(upRoots)] : [])]
}

const rankRules = [
  ...folders.map((name) => ({ name, rank: RANKS[name], from: folder([name]) })),
  ...Object.keys(ROOTS).map((name) => ({ name, rank: ROOTS[name], from: root([name]) })),
]
  .map(({ name, rank, from }) => ({
    name: `rank-${rank}-${name}`,
    severity: 'error',
    comment: 'a folder imports only lower ranks or itself; ports never import each other',
    from: { path: from, pathNot: test },
    to: { path: above(name, rank) },
  }))
  .filter((rule) => rule.to.path.length > 0)

const core = folders.filter((name) => RANKS[name] <= 4 && !PORTS.includes(name))

module.exports = {
  forbidden: [
    ...rankRules,
    {
      name: 'no-cycles',
      severity: 'error',
      comment: 'type-only cycles too: two files that need each other are one file, or lack a third',
      from: {},
      to: { circular: true },
    },
    {
      name: 'adapters-only-from-composition-roots',
      severity: 'error',
      comment: 'src/<port>/<adapter>/ is opened by cli, index.ts, models.ts, testing and itself',
      from: { path: '^src/', pathNot: [test, '^src/(?:cli|testing)/', root(Object.keys(ROOTS)), adapter] },
      to: { path: adapter },
    },
    {
      name: 'no-adapter-to-adapter',
      severity: 'error',
      from: { path: `^src/(${port})/([^/]+)/`, pathNot: test },
      to: { path: adapter, pathNot: '^src/$1/$2/' },
    },
    {
      name: 'core-is-runtime-neutral',
      severity: 'error',
      comment: 'ranks 0 to 4 outside adapters run anywhere: no node:*',
      from: { path: [folder(core), `^src/${port}/[^/]+$`], pathNot: test },
      to: { dependencyTypes: ['core'] },
    },
    {
      name: 'heavy-packages-only-in-adapters',
      severity: 'error',
      comment: 'the WASM engine and provider SDKs are loaded inside their adapter; only @ai-sdk/provider (types) is the port itself',
      from: { path: '^src/', pathNot: [test, adapter] },
      to: {
        path: [
          '(?:^|/)node_modules/quickjs-wasi/',
          '(?:^|/)node_modules/@pydantic/',
          '(?:^|/)node_modules/ai/',
          '(?:^|/)node_modules/@ai-sdk/(?!provider/)',
        ],
      },
    },
    {
      name: 'no-way-out-of-src',
      severity: 'error',
      comment: 'src/ does not import tests, examples, scripts, its own build, or itself by its package name',
      from: { path: '^src/', pathNot: test },
      to: { path: ['^(?:test|examples|bench|scripts|dist|bin)/', '^src/.*' + test] },
    },
    {
      name: 'no-unresolvable',
      severity: 'error',
      comment: 'an import that the tool cannot follow is an import that no rule sees',
      from: { path: '^src/', pathNot: test },
      to: { couldNotResolve: true },
    },
  ],
  options: {
    parser: 'swc', // with TypeScript 7 the default parser sees no module and passes
    tsPreCompilationDeps: true, // type-only imports count
    doNotFollow: { path: 'node_modules' },
    exclude: { path: '(?:^|/)fixtures/' },
    enhancedResolveOptions: {
      exportsFields: ['exports'],
      conditionNames: ['import', 'default', 'types'],
      extensions: ['.ts', '.js', '.d.ts'],
    },
  },
  ranks: RANKS,
  roots: ROOTS,
}
