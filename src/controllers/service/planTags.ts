/** The tags that say whose things on an address are, where a crash left them out or they have changed. Pure. */
import type { FirewallRule, Forward } from "../../domain/Cloud.ts"
import {
  addressTags,
  type Cluster,
  isMarked,
  keepTag,
  type ServiceIdentity,
  serviceTag,
  tags
} from "../../domain/Ownership.ts"
import { type Chain, chain } from "./chains.ts"
import type { Claims } from "./claims.ts"
import { isKept } from "./planForwards.ts"
import { isOn } from "./planRetirement.ts"
import { Step } from "./steps.ts"
import type { Wanted } from "./wanted.ts"

export interface TagsInput {
  readonly wanted: Pick<Wanted, "ports" | "targets" | "keep">
  readonly own: Claims
  readonly cluster: Cluster
  readonly service: ServiceIdentity
}

/**
 * An address of ours names the Service that it was allocated for, and whether it outlives it. One that was kept for the
 * next Service of the name is now that one's. The tags of a neighbour on a shared address are the neighbour's.
 */
const planAddressTags = ({ cluster, own, service, wanted }: TagsInput): ReadonlyArray<Chain> => {
  if (own.ownership !== "owned") return []
  const { id, tags: have } = own.address
  const keep = wanted.keep ?? own.kept
  const value = (key: string) => have.find((tag) => tag.key === key)?.value
  const want = addressTags(cluster, service, keep).filter(({ key }) => {
    if (key === keepTag) return value(key) === undefined
    return !own.tagged || (key === serviceTag && (own.kept || value(key) === undefined))
  })
  const add = want.filter((tag) => value(tag.key) !== tag.value)
  const replaced = add.flatMap(({ key }) => (value(key) === undefined ? [] : [key]))
  const drop = [...replaced, ...(own.kept && !keep ? [keepTag] : [])]
  return chain("tag address", [
    ...(drop.length === 0 ? [] : [Step.UntagAddress({ id, keys: drop })]),
    ...(add.length === 0 ? [] : [Step.TagAddress({ id, tags: add })])
  ])
}

/** Tags that a crash between create and tag left out. */
export const planTags = (input: TagsInput): ReadonlyArray<Chain> => {
  const { cluster, own, service, wanted } = input
  const marks = tags(cluster, service)
  const unmarked = <A extends FirewallRule | Forward>(all: ReadonlyArray<A>) => all.filter((one) => !isMarked(one.tags))
  const borders = own.firewall.filter((rule) => wanted.ports.some((want) => isOn(rule, want.port, want.ipProtocol)))
  const borderIds = unmarked(borders).map(({ id }) => id)
  const forwards = own.forwards.filter((forward) => isKept(forward, input.wanted))
  const forwardIds = unmarked(forwards).map(({ id }) => id)
  return [
    ...planAddressTags(input),
    ...(borderIds.length === 0 ? [] : chain("tag borders", [Step.TagBorders({ ids: borderIds, tags: marks })])),
    ...(forwardIds.length === 0 ? [] : chain("tag forwards", [Step.TagForwards({ ids: forwardIds, tags: marks })]))
  ]
}
