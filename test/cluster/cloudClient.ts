/** Signed calls to the simulated CloudStack over HTTP, as anybody with keys could make them. */
import { createHmac } from "node:crypto"
import { Effect, Schema } from "effect"

export class CloudError extends Schema.TaggedError<CloudError>()("CloudError", { message: Schema.String }) {}

const encode = (text: string) => encodeURIComponent(text).replace(/[!'()*]/g, (c) => `%${c.charCodeAt(0).toString(16)}`)

const signed = (parameters: Record<string, string>, secretKey: string) => {
  const query = Object.entries(parameters)
    .toSorted(([a], [b]) => (a.toLowerCase() < b.toLowerCase() ? -1 : 1))
    .map(([name, value]) => `${name}=${encode(value)}`)
    .join("&")
  const signature = createHmac("sha1", secretKey).update(query.toLowerCase()).digest("base64")
  return `${query}&signature=${encode(signature)}`
}

export const fetched = (url: string, body?: string) =>
  Effect.tryPromise({
    try: async (signal) => {
      const init = body === undefined ? {} : { method: "POST", body: new URLSearchParams(body) }
      const answer = await fetch(url, { ...init, signal })
      const text = await answer.text()
      if (!answer.ok) throw new Error(`${answer.status} ${text}`)
      const value: unknown = JSON.parse(text)
      return value
    },
    catch: (cause) => new CloudError({ message: `${url}: ${cause instanceof Error ? cause.message : String(cause)}` })
  })

export const decoded = <A>(schema: Schema.Codec<A, unknown>, value: unknown) =>
  Effect.mapError(Schema.decodeUnknownEffect(schema)(value), ({ message }) => new CloudError({ message }))

/** The content of every answer is in an envelope. */
export const Envelope = Schema.Record(Schema.String, Schema.Record(Schema.String, Schema.Unknown))

export interface Keys {
  readonly apiKey: string
  readonly secretKey: string
}

/** `origin` as `http://127.0.0.1:8080`. */
export const callerAt =
  (origin: string) =>
  (keys: Keys, command: string, parameters: Readonly<Record<string, string>>): Effect.Effect<unknown, CloudError> =>
    fetched(
      `${origin}/client/api`,
      signed({ ...parameters, command, response: "json", apikey: keys.apiKey }, keys.secretKey)
    )
