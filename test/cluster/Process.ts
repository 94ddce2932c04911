/** Child processes of the cluster tests: output to a file, ended with their scope, found by their own id and nothing else. */
import { type ChildProcess, spawn } from "node:child_process"
import { closeSync, openSync, readFileSync } from "node:fs"
import { createServer } from "node:net"
import { Effect, Schema } from "effect"

export class ProcessError extends Schema.TaggedError<ProcessError>()("ProcessError", {
  program: Schema.String,
  message: Schema.String
}) {}

export interface Exit {
  readonly code: number | null
  readonly signal: NodeJS.Signals | null
}

export interface Process {
  readonly pid: number
  /** Everything written so far, stdout and stderr in order. */
  readonly output: Effect.Effect<string>
  readonly exit: Effect.Effect<Exit>
  readonly running: () => boolean
  readonly signal: (signal: NodeJS.Signals) => Effect.Effect<void>
}

export interface Program {
  readonly command: string
  readonly args: ReadonlyArray<string>
  readonly env?: Readonly<Record<string, string>>
  readonly logFile: string
}

const exitOf = (child: ChildProcess) =>
  Effect.callback<Exit>((resume) => {
    if (ended(child)) return resume(Effect.succeed({ code: child.exitCode, signal: child.signalCode }))
    const onExit = (code: number | null, signal: NodeJS.Signals | null) => resume(Effect.succeed({ code, signal }))
    child.once("exit", onExit)
    return Effect.sync(() => child.off("exit", onExit))
  })

const ended = (child: ChildProcess) => child.exitCode !== null || child.signalCode !== null

/** Asks first, so that etcd and the controller can put things away, and does not ask twice. */
const end = (child: ChildProcess) =>
  Effect.suspend(() => {
    if (ended(child)) return Effect.void
    child.kill("SIGTERM")
    return exitOf(child).pipe(
      Effect.timeoutOrElse({
        duration: "10 seconds",
        orElse: () => {
          child.kill("SIGKILL")
          return exitOf(child)
        }
      }),
      Effect.asVoid
    )
  })

const spawned = ({ args, command, env, logFile }: Program) =>
  Effect.callback<ChildProcess, ProcessError>((resume) => {
    const log = openSync(logFile, "a")
    const child = spawn(command, args, { env: { ...process.env, ...env }, stdio: ["ignore", log, log] })
    closeSync(log)
    child.once("error", ({ message }) => resume(new ProcessError({ program: command, message })))
    child.once("spawn", () => resume(Effect.succeed(child)))
  })

export const start = Effect.fnUntraced(function* (program: Program) {
  const child = yield* Effect.acquireRelease(spawned(program), end)
  return {
    pid: child.pid ?? 0,
    output: Effect.sync(() => readFileSync(program.logFile, "utf8")),
    exit: exitOf(child),
    running: () => !ended(child),
    signal: (signal) => Effect.sync(() => void child.kill(signal))
  } satisfies Process
})

/** A port of the loopback that was free a moment ago: the programs under test want to be told a number. */
export const freePort = Effect.callback<number>((resume) => {
  const server = createServer()
  server.listen(0, "127.0.0.1", () => {
    const address = server.address()
    server.close(() => resume(Effect.succeed(typeof address === "object" && address !== null ? address.port : 0)))
  })
})
