/** What the role may do beyond the load balancer's own commands; asked only for what the Service needs. */
import { Effect } from "effect"
import { Rights } from "../../cloudstack/Rights.ts"
import type { Annotations } from "../../domain/Annotations.ts"
import type { Service } from "../../kubernetes/objects.ts"
import type { Abilities } from "./serving.ts"

const mayAll = Effect.fnUntraced(function* (needed: boolean, commands: ReadonlyArray<string>) {
  if (!needed) return false
  const rights = yield* Rights
  for (const command of commands) if (!(yield* rights.may(command))) return false
  return true
})

/** `tagsWork`: something bears our tag. `adopts`: rules of an earlier provider are to be marked. */
export const abilitiesFor = Effect.fn("service.abilities")(function* (
  service: Service,
  { forwardPorts, keepIp, stickiness }: Annotations,
  found: { readonly tagsWork: boolean; readonly adopts: boolean }
) {
  const forwards = service.ports.some(({ protocol }) => protocol === "UDP") || forwardPorts._tag !== "Absent"
  const keeps = keepIp._tag === "Given" && keepIp.value
  const abilities: Abilities = {
    forward: yield* mayAll(forwards, [
      "createPortForwardingRule",
      "listPortForwardingRules",
      "deletePortForwardingRule"
    ]),
    tag: found.tagsWork || (yield* mayAll(forwards || keeps || found.adopts, ["createTags"])),
    stick: yield* mayAll(stickiness._tag === "Given", [
      "createLBStickinessPolicy",
      "listLBStickinessPolicies",
      "deleteLBStickinessPolicy"
    ])
  }
  return abilities
})
