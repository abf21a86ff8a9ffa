import { parentPort, receiveMessageOnPort, workerData, type MessagePort } from 'node:worker_threads'
import { TroupeError } from '../../errors/troupe-error.ts'
import type { Opened, Request, WorkerSetup } from './operations.ts'

const port = portOf(parentPort)
await serve(port)

/** Holds the file and performs what comes in: all that has come while it was busy goes into one transaction. */
async function serve(port: MessagePort): Promise<void> {
  hideSqliteWarning()
  const { openDatabase } = await import('./open-database.ts')
  const { LogDatabase } = await import('./log-database.ts')
  const { path }: WorkerSetup = workerData
  const tell = (opened: Opened): void => port.postMessage(opened)
  try {
    const log = new LogDatabase(openDatabase(path), path)
    port.on('message', (first: readonly Request[]) => {
      const requests = [...first, ...pending(port)]
      const isLast = requests.some(({ name }) => name === 'close')
      const replies = log.perform(requests)
      if (isLast) log.close()
      port.postMessage(replies)
      if (isLast) port.close()
    })
    tell({ ok: true })
  } catch (error) {
    tell({ ok: false, error: TroupeError.wrap(error, 'engine/store-failed').toJSON() })
  }
}

function pending(port: MessagePort): readonly Request[] {
  const requests: Request[] = []
  for (let next = receiveMessageOnPort(port); next; next = receiveMessageOnPort(port)) {
    const message: readonly Request[] = next.message
    requests.push(...message)
  }
  return requests
}

/** Early releases of Node 24 warn that `node:sqlite` is experimental; that is no news for the user of a store. */
function hideSqliteWarning(): void {
  const emit = process.emitWarning.bind(process)
  const emitOthers = (warning: string | Error, ...rest: [string?, string?]): void => {
    if (!String(warning).startsWith('SQLite is an experimental feature')) emit(warning, ...rest)
  }
  Object.assign(process, { emitWarning: emitOthers })
}

function portOf(port: MessagePort | null): MessagePort {
  if (port) return port
  throw new TroupeError('internal/unreachable', 'troupe/engine/sqlite/worker runs only as a worker thread of troupe/engine/sqlite')
}
