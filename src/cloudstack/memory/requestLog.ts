/** The log of requests: who asked for what and what came of it, without secrets and not without end. */
import type { Parameters } from "../Api.ts"
import type { LogEntry, WireAnswer } from "./Simulator.ts"

const kept = 100_000
const secret = /^(apikey|signature|secretkey|password|privatekey|userdata)$/i
const envelope = /^(command|response|signatureversion|expires)$/i

const shown = (parameters: Parameters): Parameters =>
  Object.fromEntries(Object.entries(parameters).filter(([name]) => !secret.test(name) && !envelope.test(name)))

const errorText = (body: unknown): string | undefined => {
  if (typeof body !== "object" || body === null) return undefined
  const [content] = Object.values(body)
  return typeof content === "object" && content !== null && "errortext" in content && "errorcode" in content
    ? String(content.errortext)
    : undefined
}

export const makeLog = () => {
  const entries: Array<LogEntry> = []
  return {
    add: (at: number, account: string, command: string, parameters: Parameters, answer: WireAnswer): void => {
      const text = errorText(answer.body)
      const entry = { at, account, command, parameters: shown(parameters), status: answer.status }
      entries.push(text === undefined ? entry : { ...entry, errorText: text })
      if (entries.length > kept) entries.splice(0, kept / 2)
    },
    all: (): ReadonlyArray<LogEntry> => [...entries]
  }
}
