/** Signature version 3: the form body of a signed call. The only place where the secret key is unwrapped. */
import { createHmac } from "node:crypto"
import { Redacted } from "effect"
import type { Credentials } from "../../config/Settings.ts"
import type { Parameters } from "../Api.ts"

/**
 * The server refuses an expiry more than 15 minutes ahead of its own clock: half of that on either side is what two
 * clocks may differ.
 */
const validForMillis = 8 * 60_000

/** What Java's URLEncoder makes of a value, with `%20` for the blank. */
const encode = (value: string): string =>
  encodeURIComponent(value.toWellFormed()).replace(
    /[!'()~]/g,
    (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`
  )

/** Base64 of HMAC-SHA1 over the sorted, encoded, lower-cased parameters. Names are not encoded. */
export const signatureOf = (parameters: Parameters, secretKey: Redacted.Redacted): string => {
  const text = Object.entries(parameters)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, value]) => `${name}=${encode(value)}`)
    .join("&")
    .toLowerCase()
  return createHmac("sha1", Redacted.value(secretKey)).update(text).digest("base64")
}

/** The body to POST: `now` is in milliseconds. */
export const signedForm = (command: string, parameters: Parameters, credentials: Credentials, now: number): string => {
  const unsigned = {
    ...parameters,
    command,
    response: "json",
    apikey: Redacted.value(credentials.apiKey),
    signatureversion: "3",
    expires: `${new Date(now + validForMillis).toISOString().slice(0, 19)}Z`
  }
  const signed = { ...unsigned, signature: signatureOf(unsigned, credentials.secretKey) }
  return Object.entries(signed)
    .map(([name, value]) => `${encodeURIComponent(name)}=${encode(value)}`)
    .join("&")
}
