/** Calls CloudStack over HTTP as a recording's accounts do: signed, or wrong in one of the ways that are recorded. */
import { createHmac, randomUUID } from "node:crypto"
import { Clock, Effect } from "effect"
import { isObject, type Json } from "./fields.ts"
import type { Step } from "./recording.ts"

export interface Reply {
  readonly status: number
  readonly headers: Headers
  /** null = not JSON. */
  readonly body: unknown
}
export interface Keys {
  readonly apikey: string
  readonly secretkey: string
}
export type Request = Pick<Step, "as" | "command" | "params" | "method" | "auth" | "send">

const encode = (value: string) =>
  encodeURIComponent(value).replace(/[!'()~]/g, (char) => `%${char.charCodeAt(0).toString(16)}`)

const sign = (parameters: ReadonlyMap<string, string>, secret: string) => {
  const text = [...parameters]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, value]) => `${name}=${encode(value)}`)
    .join("&")
  return createHmac("sha1", secret).update(text.toLowerCase()).digest("base64")
}

const isoTime = (millis: number) => new Date(millis).toISOString().replace(/\.\d+Z$/, "+0000")

const parametersOf = (request: Request, keys: Keys, now: number) => {
  const { auth } = request
  const parameters = new Map(Object.entries(request.params))
  parameters.set("command", request.command).set("response", "json")
  if (auth !== "none") {
    parameters.set("apikey", auth === "badkey" ? "no-such-key" : keys.apikey)
    if (auth !== "v1expired") parameters.set("signatureversion", "3")
    const offset = auth === "v1expired" || auth === "expired" ? -3_600_000 : 600_000
    if (auth !== "noexpires") parameters.set("expires", auth === "badexpires" ? "tomorrow" : isoTime(now + offset))
  }
  for (const [name, value] of Object.entries(request.send ?? {})) {
    if (value === null) parameters.delete(name)
    else parameters.set(name, value)
  }
  if (auth !== "none" && auth !== "nosig") {
    parameters.set("signature", sign(parameters, auth === "badsig" ? "wrong secret" : keys.secretkey))
  }
  return parameters
}

const parse = (text: string): unknown => {
  try {
    return JSON.parse(text)
  } catch {
    return null
  }
}

/** The content of the answer's single envelope. */
export const inner = (body: unknown): Json => {
  const values = isObject(body) ? Object.values(body) : []
  const [only] = values
  return values.length === 1 && isObject(only) ? only : {}
}

/** The value at a path such as `virtualmachine.0.nic[networkname=net1].ipaddress`. */
export const dig = (value: unknown, path: string): unknown =>
  path.split(".").reduce((at: unknown, key) => {
    if (Array.isArray(at)) return at[Number(key)]
    if (!isObject(at)) return undefined
    const [, list = "", field = "", wanted] = /^(\w+)\[(\w+)=(.*)\]$/.exec(key) ?? []
    if (wanted === undefined) return at[key]
    const items = at[list]
    return Array.isArray(items) ? items.find((item) => isObject(item) && item[field] === wanted) : undefined
  }, value)

export const freshId = () => randomUUID()

export type Call = (request: Request) => Effect.Effect<Reply>

export const callerOf =
  (url: string, keys: (account: string) => Keys): Call =>
  (request) =>
    Effect.gen(function* () {
      const now = yield* Clock.currentTimeMillis
      const form = new URLSearchParams([...parametersOf(request, keys(request.as), now)])
      const reply = yield* Effect.promise((signal) =>
        request.method === "GET"
          ? fetch(`${url}?${form}`, { signal })
          : fetch(url, { method: "POST", body: form, signal })
      )
      return {
        status: reply.status,
        headers: reply.headers,
        body: parse(yield* Effect.promise(() => reply.text()))
      }
    })
