/** Settings for tests: everything quick, everything overridable. */
import { Duration, Effect, Layer, Redacted, Stream } from "effect"
import { type CloudSettings, Settings } from "../../src/config/Settings.ts"

export const apiKey = "TESTKEY-abc_123"
export const secretKey = "TESTSECRET"

export const settingsOf = (over: Partial<CloudSettings> = {}): CloudSettings => ({
  apiUrl: "http://127.0.0.1:1/client/api",
  credentials: { apiKey: Redacted.make(apiKey), secretKey: Redacted.make(secretKey) },
  verifyTls: true,
  callTimeout: Duration.seconds(30),
  jobTimeout: Duration.minutes(10),
  rateLimit: { qps: 20, burst: 20 },
  vmCacheTtl: Duration.seconds(30),
  previousClusterIds: [],
  servicePolicy: "all",
  allowedAddresses: [],
  ...over
})

export const layerSettings = (over: Partial<CloudSettings> = {}): Layer.Layer<Settings> => {
  const settings = settingsOf(over)
  return Layer.succeed(Settings, { current: Effect.succeed(settings), changes: Stream.succeed(settings) })
}
