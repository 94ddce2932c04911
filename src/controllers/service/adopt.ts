/**
 * How rules of an earlier provider are taken over: marked by tags while they live. CloudStack forgets the tags of
 * everything else with the thing itself, but not those of load balancer rules. Pure.
 */
import { adoptionTags, isUnmarkedRule } from "../../domain/Adoption.ts"
import type { RuleId } from "../../domain/Cloud.ts"
import { type Cluster, isMarked, type ServiceIdentity } from "../../domain/Ownership.ts"
import { type Chain, chain } from "./chains.ts"
import type { Claims } from "./claims.ts"
import { Step } from "./steps.ts"

/** Their rules get the mark that ours bear in their description, but for those that go. */
export const planAdoption = (
  own: Claims,
  cluster: Cluster,
  service: ServiceIdentity,
  others: ReadonlyArray<Chain>
): ReadonlyArray<Chain> => {
  const steps = others.flatMap((one) => [...one.steps, ...one.always])
  const gone = new Set(steps.flatMap((step) => (step._tag === "DeleteRule" ? [step.id] : [])))
  const ids = own.rules.filter((rule) => isUnmarkedRule(rule) && !gone.has(rule.id)).map(({ id }) => id)
  if (ids.length === 0) return []
  return chain("tag rules", [Step.TagRules({ ids, tags: adoptionTags(cluster, service, own.ownership) })])
}

const goneWith = (own: Claims, step: Step): ReadonlyArray<RuleId> => {
  if (step._tag === "DeleteRule") return [step.id]
  return step._tag === "ReleaseAddress" && step.id === own.address.id ? own.rules.map(({ id }) => id) : []
}

/** The mark goes last: until its rule is gone it is the proof. */
export const withMarksGone = (own: Claims, chains: ReadonlyArray<Chain>): ReadonlyArray<Chain> => {
  const marked = new Set(own.rules.filter((rule) => isMarked(rule.tags)).map(({ id }) => id))
  if (marked.size === 0) return chains
  return chains.map((one) => {
    const ids = one.steps.flatMap((step) => goneWith(own, step)).filter((id) => marked.has(id))
    if (ids.length === 0) return one
    return { ...one, steps: [...one.steps, Step.UntagRules({ ids })] }
  })
}
