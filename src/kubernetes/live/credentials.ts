/** What it takes to reach an API server and be somebody there. Read again and again, because all of it rotates. */
import type { Effect, Redacted } from "effect"
import { KubeError } from "../KubeError.ts"

export interface Tls {
  readonly ca?: string
  readonly cert?: string
  readonly key?: Redacted.Redacted
  readonly servername?: string
  readonly verify: boolean
}

export interface Credentials {
  /** `https://host:port`, perhaps with a path. */
  readonly server: string
  readonly tls: Tls
  /** The Authorization header and the like. */
  readonly headers: Redacted.Redacted<Readonly<Record<string, string>>>
  readonly proxyUrl?: string
}

/** The outer effect finds the source, the inner one reads it. */
export type Source = Effect.Effect<Effect.Effect<Credentials, KubeError>, KubeError>

/** They can not be had, or not be used as they are. */
export const unusable = (text: string) => new KubeError({ operation: "credentials", status: 0, text, unsendable: true })
