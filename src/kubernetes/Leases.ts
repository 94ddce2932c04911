/** The `coordination.k8s.io/v1` Lease that leader election needs. */
import { Context, type Effect, type Option } from "effect"
import type { KubeError } from "./KubeError.ts"

export interface Lease {
  readonly namespace: string
  readonly name: string
  readonly uid: string
  readonly resourceVersion: string
  readonly holderIdentity: string
  readonly leaseDurationSeconds: number
  /** Milliseconds since the epoch. */
  readonly acquireTime: number
  readonly renewTime: number
  readonly leaseTransitions: number
}

export type LeaseSpec = Omit<Lease, "namespace" | "name" | "uid" | "resourceVersion">

export class Leases extends Context.Service<
  Leases,
  {
    readonly get: (namespace: string, name: string) => Effect.Effect<Option.Option<Lease>, KubeError>
    readonly create: (namespace: string, name: string, spec: LeaseSpec) => Effect.Effect<Lease, KubeError>
    /** With the resourceVersion of `lease` as precondition. */
    readonly update: (lease: Lease, spec: LeaseSpec) => Effect.Effect<Lease, KubeError>
  }
>()("ccm/kubernetes/Leases") {}
