/** Carries out what users do, as requests to the API server. */
import { Effect } from "effect"
import type { JsonObject } from "../../../src/kubernetes/json.ts"
import { workplace } from "../kube.ts"
import { prefix } from "../services.ts"
import type { Action, Wish } from "./plan.ts"

const annotations = ({ proxied }: Wish): JsonObject => ({ [`${prefix}proxy-protocol`]: proxied ? "true" : null })
const ports = ({ dns, ports }: Wish): ReadonlyArray<JsonObject> => [
  ...ports.map((port) => ({ name: `p${port}`, port })),
  ...(dns ? [{ name: "dns", port: 53, protocol: "UDP" }] : [])
]
const type = ({ balanced }: Wish) => (balanced ? "LoadBalancer" : "ClusterIP")
const sources = ({ sources }: Wish): JsonObject => ({
  loadBalancerSourceRanges: sources.length === 0 ? null : [...sources]
})

const changeOf = (verb: Exclude<Action["verb"], "create" | "delete">, wish: Wish): JsonObject => {
  switch (verb) {
    case "ports":
      return { spec: { ports: [{ $patch: "replace" }, ...ports(wish)] } }
    case "proxy":
      return { metadata: { annotations: annotations(wish) } }
    case "sources":
      return { spec: sources(wish) }
    case "type":
      return { spec: { type: type(wish), ...sources(wish) } }
  }
}

/** In this namespace, which is made for it. */
export const usersIn = Effect.fnUntraced(function* (namespace: string) {
  const place = yield* workplace(namespace)
  const act = ({ name, verb, wish }: Action) => {
    if (verb === "create") {
      const spec = { type: type(wish), ports: [...ports(wish)], ...sources(wish) }
      return place.create(name, { annotations: wish.proxied ? annotations(wish) : {}, spec })
    }
    return verb === "delete" ? place.remove(name) : place.patch(name, changeOf(verb, wish))
  }
  return { act, all: place.all }
})
