/** kubectl as a function: what it printed, or why it refused. */
import { spawn } from "node:child_process"
import { Effect } from "effect"
import { ProcessError } from "./Process.ts"

/** `input` goes to stdin, for `-f -`. */
export type Kubectl = (args: ReadonlyArray<string>, input?: string) => Effect.Effect<string, ProcessError>

export const makeKubectl =
  (program: string, kubeconfig: string): Kubectl =>
  (args, input) =>
    Effect.callback((resume) => {
      const child = spawn(program, args, { env: { ...process.env, KUBECONFIG: kubeconfig } })
      const out: Array<Buffer> = []
      const err: Array<Buffer> = []
      child.stdout.on("data", (chunk: Buffer) => out.push(chunk))
      child.stderr.on("data", (chunk: Buffer) => err.push(chunk))
      child.once("error", ({ message }) => resume(new ProcessError({ program: "kubectl", message })))
      child.once("close", (code) => {
        if (code === 0) return resume(Effect.succeed(Buffer.concat(out).toString("utf8")))
        const message = `kubectl ${args.join(" ")}: ${Buffer.concat(err).toString("utf8").trim()}`
        resume(new ProcessError({ program: "kubectl", message }))
      })
      child.stdin.end(input ?? "")
      return Effect.sync(() => child.kill("SIGKILL"))
    })
