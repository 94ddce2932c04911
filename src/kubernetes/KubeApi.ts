/** Requests to the API server, one seam for the live client and the in-memory one; nothing else knows URLs. */
import { Context, type Effect, type Stream } from "effect"
import type { Json } from "./json.ts"
import type { KubeError } from "./KubeError.ts"

export interface Resource {
  /** Empty for the core group. */
  readonly group: string
  readonly version: string
  readonly plural: string
}

export const services: Resource = { group: "", version: "v1", plural: "services" }
export const nodes: Resource = { group: "", version: "v1", plural: "nodes" }
export const events: Resource = { group: "", version: "v1", plural: "events" }
export const leases: Resource = { group: "coordination.k8s.io", version: "v1", plural: "leases" }
export const namespaces: Resource = { group: "", version: "v1", plural: "namespaces" }

/** Patches are strategic merge patches. */
export type Verb = "get" | "list" | "create" | "update" | "patch" | "delete"

export interface KubeRequest {
  readonly verb: Verb
  readonly resource: Resource
  readonly namespace?: string
  readonly name?: string
  readonly subresource?: "status"
  readonly query?: Readonly<Record<string, string>>
  readonly body?: Json
}

/** `patch services/status shop/web`: how a request is named in errors and logs. */
export const operationOf = (request: Omit<KubeRequest, "verb"> & { readonly verb: string }): string => {
  const what = request.resource.plural + (request.subresource === undefined ? "" : `/${request.subresource}`)
  const whom = [request.namespace, request.name].filter((part) => part !== undefined).join("/")
  return [request.verb, what, whom].filter((part) => part !== "").join(" ")
}

export class KubeApi extends Context.Service<
  KubeApi,
  {
    /** The answer's JSON, undecoded. Every status but 2xx is a KubeError. */
    readonly call: (request: KubeRequest) => Effect.Effect<unknown, KubeError>
    /** One watch request over all namespaces: its events as JSON until the server ends it or the way breaks. */
    readonly watch: (resource: Resource, query: Readonly<Record<string, string>>) => Stream.Stream<unknown, KubeError>
    /** Succeeds when `GET /healthz` says so. */
    readonly healthy: Effect.Effect<void, KubeError>
  }
>()("ccm/kubernetes/KubeApi") {}
