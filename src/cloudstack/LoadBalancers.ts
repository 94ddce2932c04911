/** Load balancer rules and their members. */
import { Context, type Effect, type Option } from "effect"
import type {
  AddressId,
  LoadBalancerRule,
  NetworkId,
  PolicyId,
  RuleId,
  StickinessPolicy,
  VmId
} from "../domain/Cloud.ts"
import type { Stickiness } from "../domain/Stickiness.ts"
import type { CloudStackError } from "./Api.ts"
import type { Pending } from "./Jobs.ts"

export interface NewRule {
  readonly addressId: AddressId
  /** Only in a VPC. */
  readonly networkId?: NetworkId
  readonly name: string
  readonly description: string
  readonly publicPort: number
  readonly privatePort: number
  readonly algorithm: string
  readonly protocol: string
  /** Only where the rule itself has to restrict sources. */
  readonly cidrs?: ReadonlyArray<string>
}

/** All but the id may be changed in place; the id and the members stay. */
export interface RuleChange {
  readonly name?: string
  readonly description?: string
  readonly algorithm?: string
  readonly protocol?: string
  readonly cidrs?: ReadonlyArray<string>
}

export class LoadBalancers extends Context.Service<
  LoadBalancers,
  {
    /** All pages; one rule, those of one address or machine, or of the whole account or project. */
    readonly list: (filter?: {
      readonly id?: RuleId
      readonly addressId?: AddressId
      readonly vmId?: VmId
    }) => Effect.Effect<ReadonlyArray<LoadBalancerRule>, CloudStackError>
    /** None if the rule is gone. */
    readonly members: (id: RuleId) => Effect.Effect<Option.Option<ReadonlyArray<VmId>>, CloudStackError>
    /** Stickiness policies. None if the rule is gone, or the role may not list them. */
    readonly policies: (id: RuleId) => Effect.Effect<Option.Option<ReadonlyArray<StickinessPolicy>>, CloudStackError>
    /** Takes the place of the policy that the rule has. */
    readonly stick: (id: RuleId, stickiness: Stickiness) => Effect.Effect<Pending, CloudStackError>
    readonly unstick: (id: PolicyId) => Effect.Effect<Pending, CloudStackError>
    readonly create: (rule: NewRule) => Effect.Effect<Pending, CloudStackError>
    readonly update: (id: RuleId, change: RuleChange) => Effect.Effect<Pending, CloudStackError>
    readonly remove: (id: RuleId) => Effect.Effect<Pending, CloudStackError>
    readonly assign: (id: RuleId, vms: ReadonlyArray<VmId>) => Effect.Effect<Pending, CloudStackError>
    readonly unassign: (id: RuleId, vms: ReadonlyArray<VmId>) => Effect.Effect<Pending, CloudStackError>
  }
>()("ccm/cloudstack/LoadBalancers") {}
