#!/usr/bin/env node
// Starts the command line on a Node that can run it. Plain old syntax on purpose: this file must load on any Node since 14,
// because `npx troupe` and a shell alias start it with whatever Node the machine has.
import { spawn } from 'child_process'
import { existsSync, readFileSync, realpathSync } from 'fs'
import { dirname, join } from 'path'
import { fileURLToPath, pathToFileURL } from 'url'

const NEEDED = 24
const RELAUNCHED = 'TROUPE_RELAUNCHED' // set for the second process only, so that a wrong binary cannot start itself for ever
const here = dirname(realpathSync(fileURLToPath(import.meta.url)))
const root = dirname(here)

if (major(process.versions.node) >= NEEDED) {
  delete process.env[RELAUNCHED]
  start()
} else {
  const node = process.env[RELAUNCHED] ? undefined : findNode()
  if (node) relaunch(node)
  else
    stop(
      'troupe needs Node >= ' +
        NEEDED +
        ', and this is Node ' +
        process.versions.node +
        '. Install it, or run `npm install --save-dev node@' +
        NEEDED +
        '` in your project.',
    )
}

function start() {
  const main = join(root, 'dist', 'cli', 'main.js')
  if (!existsSync(main)) {
    stop(
      existsSync(join(root, 'src'))
        ? 'troupe is not built yet: run `npm run build` in ' + root
        : 'troupe is incomplete: ' + main + ' is missing, install the package again',
    )
    return
  }
  import(pathToFileURL(main).href)
    .then(function (cli) {
      return cli.main(process.argv.slice(2))
    })
    .then(function (code) {
      if (typeof code === 'number') process.exitCode = code
    })
    .catch(function (error) {
      console.error(error)
      process.exit(1)
    })
}

/** The `node` package of this checkout, of the project around it, or of the project around the working directory. */
function findNode() {
  const binary = process.platform === 'win32' ? 'node.exe' : 'node'
  for (const folder of parents(here).concat(parents(process.cwd()))) {
    const home = join(folder, 'node_modules', 'node')
    try {
      const version = JSON.parse(readFileSync(join(home, 'package.json'), 'utf8')).version
      if (major(version) >= NEEDED) return realpathSync(join(home, 'bin', binary))
    } catch {
      // not installed here, or its install script was not allowed to run: look further up
    }
  }
  return undefined
}

function relaunch(node) {
  const env = Object.assign({}, process.env)
  env[RELAUNCHED] = '1'
  const child = spawn(node, process.execArgv.concat(fileURLToPath(import.meta.url), process.argv.slice(2)), { stdio: 'inherit', env: env })
  // A Ctrl-C on a terminal reaches the whole process group, so passing it on would make two of it; a `kill` reaches only us.
  const onTerminal = process.stdin.isTTY || process.stdout.isTTY || process.stderr.isTTY
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) {
    process.on(signal, function () {
      if (signal !== 'SIGINT' || !onTerminal) child.kill(signal)
    })
  }
  child.on('error', function (error) {
    stop(
      'troupe needs Node >= ' + NEEDED + ', and this is Node ' + process.versions.node + '; ' + node + ' did not start: ' + error.message,
    )
  })
  child.on('exit', function (code, signal) {
    if (signal === null) {
      process.exit(code)
    } else {
      process.removeAllListeners(signal)
      process.kill(process.pid, signal)
    }
  })
}

function parents(folder) {
  const up = dirname(folder)
  return up === folder ? [folder] : [folder].concat(parents(up))
}

function major(version) {
  return Number(version.split('.')[0])
}

function stop(line) {
  console.error(line)
  process.exitCode = 2
}
