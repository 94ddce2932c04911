import { createHmac } from "node:crypto"
import { assert, describe, it } from "@effect/vitest"
import { Effect, Result } from "effect"
import { authenticate, signatureText } from "../../../src/cloudstack/memory/auth.ts"
import { boot } from "../../../src/cloudstack/memory/boot.ts"
import { decodeWorld } from "../../../src/cloudstack/memory/World.ts"

const now = Date.parse("2030-01-02T03:00:00Z")
const call = { command: "listZones", response: "json", apikey: "alice-key" }

const sign = (parameters: Readonly<Record<string, string>>) =>
  createHmac("sha1", "alice-secret").update(signatureText(parameters)).digest("base64")

/** Whether alice is let in with these parameters. */
const isAdmitted = Effect.fnUntraced(function* (parameters: Readonly<Record<string, string>>) {
  const world = yield* decodeWorld({
    zones: [{ ref: "zone1", name: "sim1" }],
    accounts: [{ ref: "alice", name: "alice", apikey: "alice-key", secretkey: "alice-secret" }]
  })
  return Result.isSuccess(authenticate(boot(world, 1, now), parameters, now)[1])
})

describe("a signature", () => {
  it.effect("counts as it is written: with its padding, in the common alphabet", () =>
    Effect.gen(function* () {
      // A name with which the signature has both letters that another alphabet writes differently.
      const named = { ...call, name: "n3" }
      const signature = sign(named)
      assert.match(signature, /\/.*\+|\+.*\//)
      assert.isTrue(yield* isAdmitted({ ...named, signature }))
      for (const other of [
        signature.replace("=", ""),
        signature.replaceAll("+", "-").replaceAll("/", "_"),
        signature.replaceAll("+", " "),
        ` ${signature}`,
        ""
      ]) {
        assert.isFalse(yield* isAdmitted({ ...named, signature: other }), other)
      }
    })
  )
})

describe("the expiry of a signature", () => {
  const until = (expires: string) => {
    const parameters = { ...call, signatureversion: "3", expires }
    return isAdmitted({ ...parameters, signature: sign(parameters) })
  }

  // What Java 17 makes of each with the formatters of the server.
  it.effect("is read in each form the server reads", () =>
    Effect.gen(function* () {
      for (const expires of [
        "2030-01-02T03:04:05Z",
        "2030-01-02T03:04:05+0000",
        "2030-01-02T04:04:05+01:00",
        "2030-01-02T04:04:05+01",
        "2030-01-02t03:04:05z",
        "2030-01-02T03:04Z",
        "2030-01-02T03:04:05.123Z",
        "2030-01-02T03:04:05.123456+0000",
        "2030-01-02T04:04:05Z+0100"
      ]) {
        assert.isTrue(yield* until(expires), expires)
      }
    })
  )

  it.effect("is past, or nothing the server can read", () =>
    Effect.gen(function* () {
      for (const expires of [
        "2030-01-02T02:59:59Z",
        "2030-01-02T03:04:05+0100",
        "2030-01-02T03:04:05+01",
        "2030-01-02T03:04:05Z+0100",
        "2030-01-02T02:59:59.999Z",
        "2030-01-02T03:04:05",
        "2030-01-02 03:04:05Z",
        "2030-01-02T03:04:05.123+0000",
        "2030-01-02T03:04+0000",
        "2030-01-02T03:04:60Z",
        "tomorrow",
        ""
      ]) {
        assert.isFalse(yield* until(expires), expires)
      }
    })
  )
})
