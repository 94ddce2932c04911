/** The decoded `cloud-config`: what every part of the controller may ask for. The value can change while running. */
import { Context, type Duration, Effect, Layer, type Redacted, Stream } from "effect"

export interface Credentials {
  readonly apiKey: Redacted.Redacted
  readonly secretKey: Redacted.Redacted
}

export interface CloudSettings {
  /** `http(s)://host:port/client/api`. */
  readonly apiUrl: string
  readonly credentials: Credentials
  readonly verifyTls: boolean
  readonly caFile?: string
  /** Deadline of one HTTP call. */
  readonly callTimeout: Duration.Duration
  /** How long a job is awaited before it counts as stuck. */
  readonly jobTimeout: Duration.Duration
  /** `qps` 0 = no limit. */
  readonly rateLimit: { readonly qps: number; readonly burst: number }
  /** How long the VM list may be reused. */
  readonly vmCacheTtl: Duration.Duration
  readonly projectId?: string
  readonly zone?: string
  readonly region?: string
  readonly networkId?: string
  readonly clusterId?: string
  readonly previousClusterIds: ReadonlyArray<string>
  readonly servicePolicy: "all" | "annotated"
  /** CIDRs; empty = any address may be named by a Service. */
  readonly allowedAddresses: ReadonlyArray<string>
  readonly providerIdFormat?: "external-cloudstack" | "cloudstack"
  readonly aclNumberStart?: number
}

export class Settings extends Context.Service<
  Settings,
  {
    readonly current: Effect.Effect<CloudSettings>
    /** The current value first, then each accepted change. */
    readonly changes: Stream.Stream<CloudSettings>
  }
>()("ccm/config/Settings") {
  /** Settings that stay as they are: for tests, and for embedding in another application. */
  static readonly layerOf = (settings: CloudSettings) =>
    Layer.succeed(this, {
      current: Effect.succeed(settings),
      changes: Stream.concat(Stream.make(settings), Stream.never)
    })
}
