/**
 * The steps that change CloudStack, and the table of how each is carried out: how long it may take, how often it is
 * tried, and what its errors mean. `apply` is an interpreter of both and decides nothing itself.
 */
import { Data, Duration } from "effect"
import type { AclChange, NewAclItem } from "../../cloudstack/Acls.ts"
import type { CloudStackError, Reason } from "../../cloudstack/Api.ts"
import type { NewForward } from "../../cloudstack/Forwards.ts"
import type { MembersChange } from "../../cloudstack/Inventory.ts"
import type { NewRule, RuleChange } from "../../cloudstack/LoadBalancers.ts"
import type {
  AclItemId,
  AddressId,
  FirewallRuleId,
  ForwardId,
  PolicyId,
  RuleId,
  Tag,
  VmId
} from "../../domain/Cloud.ts"
import type { Stickiness } from "../../domain/Stickiness.ts"
import type { Maker } from "./jobIds.ts"

/** Members go to a rule that exists, or to the one that this run makes for the port. */
export type RuleRef = { readonly id: RuleId } | { readonly madeFor: number }

export type Step = Data.TaggedEnum<{
  /** `verify`: a server that may be too old for the list of sources is looked at, before anybody is let in. */
  CreateRule: { readonly rule: NewRule; readonly verify: boolean }
  UpdateRule: { readonly id: RuleId; readonly port: number; readonly change: RuleChange; readonly verify: boolean }
  DeleteRule: { readonly id: RuleId; readonly port: number }
  AddMembers: { readonly rule: RuleRef; readonly port: number; readonly vms: ReadonlyArray<VmId> }
  RemoveMembers: { readonly id: RuleId; readonly port: number; readonly vms: ReadonlyArray<VmId> }
  OpenBorder: {
    readonly by: Maker
    readonly addressId: AddressId
    readonly protocol: "tcp" | "udp"
    readonly port: number
    readonly cidrs: ReadonlyArray<string>
  }
  /** An item in the ACL list of a VPC tier. */
  OpenAcl: { readonly item: NewAclItem }
  UpdateAcl: { readonly id: AclItemId; readonly port: number; readonly change: AclChange }
  CloseAcl: { readonly id: AclItemId; readonly port: number }
  CloseBorder: { readonly id: FirewallRuleId; readonly port: number }
  /** All firewall rules that this run opened, and those found without their tag, in one call. */
  TagBorders: { readonly ids: ReadonlyArray<FirewallRuleId>; readonly tags: ReadonlyArray<Tag> }
  /** Rules of an earlier provider that are taken over. */
  TagRules: { readonly ids: ReadonlyArray<RuleId>; readonly tags: ReadonlyArray<Tag> }
  /** After the rules have gone. */
  UntagRules: { readonly ids: ReadonlyArray<RuleId> }
  /** Takes the place of the policy that the rule has. */
  SetStickiness: { readonly rule: RuleRef; readonly port: number; readonly stickiness: Stickiness }
  ClearStickiness: { readonly id: PolicyId; readonly port: number }
  CreateForward: { readonly by: Maker; readonly forward: NewForward }
  DeleteForward: { readonly id: ForwardId; readonly port: number }
  /** All forwards that this run made, and those found without their tag. */
  TagForwards: { readonly ids: ReadonlyArray<ForwardId>; readonly tags: ReadonlyArray<Tag> }
  TagAddress: { readonly id: AddressId; readonly tags: ReadonlyArray<Tag> }
  UntagAddress: { readonly id: AddressId; readonly keys: ReadonlyArray<string> }
  ReleaseAddress: { readonly id: AddressId }
}>
export const Step = Data.taggedEnum<Step>()

/**
 * What an error of a step means. `done`: it is already so. `again`: passing trouble, try the step again. `look`: reality
 * differs from what was planned on; read anew and plan again. `refuse`: only a person can help. `fail`: leave it to the
 * queue's backoff.
 */
export type Meaning = "done" | "again" | "look" | "refuse" | "fail"

export interface Policy {
  /** For the call and its job together. */
  readonly timeout: Duration.Duration
  /** Tries beyond the first for errors that mean `again`. */
  readonly retries: number
  readonly meaning: Readonly<Partial<Record<Reason["_tag"], Meaning>>>
}

const minutes = Duration.minutes
/** An unsent request can simply be sent again; everything else ambiguous has to be looked at first. */
const common: Policy["meaning"] = {
  Throttled: "again",
  Unavailable: "look",
  Malformed: "look",
  DeadlineExceeded: "fail",
  ServerFault: "look",
  NotFound: "look",
  LimitReached: "fail",
  NoCapacity: "fail",
  Unauthorised: "fail",
  Forbidden: "refuse",
  Refused: "refuse",
  Conflict: "look"
}
const gone: Policy["meaning"] = { ...common, NotFound: "done" }

export const policies: Readonly<Record<Step["_tag"], Policy>> = {
  CreateRule: { timeout: minutes(6), retries: 2, meaning: common },
  // A server that cannot change it in place (before 4.22, or another provider) refuses: then it is made anew.
  UpdateRule: { timeout: minutes(6), retries: 2, meaning: common },
  DeleteRule: { timeout: minutes(6), retries: 2, meaning: gone },
  // The reason of a refused assign is lost (530): a VM is gone, or already a member. The next look tells.
  AddMembers: { timeout: minutes(6), retries: 2, meaning: common },
  RemoveMembers: { timeout: minutes(6), retries: 2, meaning: common },
  OpenBorder: { timeout: minutes(6), retries: 2, meaning: common },
  // Refused: another item has got the number meanwhile, or the list is closed, which is remembered and told.
  OpenAcl: { timeout: minutes(6), retries: 2, meaning: { ...common, Refused: "look", Forbidden: "look" } },
  UpdateAcl: { timeout: minutes(6), retries: 2, meaning: { ...common, Refused: "look" } },
  CloseAcl: { timeout: minutes(6), retries: 2, meaning: gone },
  CloseBorder: { timeout: minutes(6), retries: 2, meaning: gone },
  // Refused is "tag … already on …": the first answer was lost.
  TagBorders: { timeout: minutes(2), retries: 2, meaning: { ...common, Refused: "done", Forbidden: "done" } },
  TagRules: { timeout: minutes(2), retries: 2, meaning: { ...common, Refused: "done", Forbidden: "done" } },
  SetStickiness: { timeout: minutes(6), retries: 2, meaning: common },
  ClearStickiness: { timeout: minutes(6), retries: 2, meaning: gone },
  CreateForward: { timeout: minutes(6), retries: 2, meaning: common },
  DeleteForward: { timeout: minutes(6), retries: 2, meaning: gone },
  TagForwards: { timeout: minutes(2), retries: 2, meaning: { ...common, Refused: "done", Forbidden: "done" } },
  TagAddress: { timeout: minutes(2), retries: 2, meaning: { ...common, Refused: "done", Forbidden: "done" } },
  // As below.
  UntagRules: {
    timeout: minutes(2),
    retries: 2,
    meaning: { ...common, ServerFault: "done", Refused: "done", Forbidden: "done" }
  },
  // A server fault is "Failed to delete tags": there was none. What is left of it shows at the next look.
  UntagAddress: {
    timeout: minutes(2),
    retries: 2,
    meaning: { ...common, ServerFault: "done", Refused: "done", Forbidden: "done" }
  },
  // A second release is a 530, not a 431: look whether the address is still there.
  ReleaseAddress: { timeout: minutes(6), retries: 2, meaning: gone }
}

export const meaningOf = (step: Step, error: CloudStackError): Meaning => {
  const { reason } = error
  if (reason._tag === "Unreachable") return reason.sent ? "look" : "again"
  if (reason._tag === "Withheld") return "again"
  return policies[step._tag].meaning[reason._tag] ?? "fail"
}

/** Each of these makes the network's virtual router take new rules. */
const routerSteps: ReadonlySet<Step["_tag"]> = new Set([
  "UpdateRule",
  "DeleteRule",
  "AddMembers",
  "RemoveMembers",
  "OpenBorder",
  "CloseBorder",
  "OpenAcl",
  "UpdateAcl",
  "CloseAcl",
  "SetStickiness",
  "ClearStickiness",
  "CreateForward",
  "DeleteForward",
  "ReleaseAddress"
])
export const pushesRouter = (step: Step): boolean => routerSteps.has(step._tag)

/** What the steps make of members, if that is all they do; undefined if they do more. */
export const membersOnly = (steps: ReadonlyArray<Step>): ReadonlyArray<MembersChange> | undefined => {
  const changes: Array<MembersChange> = []
  for (const step of steps) {
    if (step._tag === "RemoveMembers") changes.push({ rule: step.id, add: [], drop: step.vms })
    else if (step._tag === "AddMembers" && "id" in step.rule)
      changes.push({ rule: step.rule.id, add: step.vms, drop: [] })
    else return undefined
  }
  return changes
}

/** Ids of what is not on its address any more, or of the address, once it is done. */
export const removes = (step: Step): ReadonlyArray<string> => {
  switch (step._tag) {
    case "DeleteRule":
    case "CloseBorder":
    case "DeleteForward":
    case "ReleaseAddress":
      return [step.id]
    default:
      return []
  }
}

export const changesAcl = ({ _tag }: Step): boolean => _tag === "OpenAcl" || _tag === "UpdateAcl" || _tag === "CloseAcl"

/** For logs, errors and plans: what is done to what. */
export const describe: (step: Step) => string = Step.$match({
  CreateRule: ({ rule }) => `create rule ${rule.name} (${rule.protocol} ${rule.publicPort} to ${rule.privatePort})`,
  UpdateRule: ({ change, id, port }) => `update rule ${id} of port ${port} (${Object.keys(change).join(", ")})`,
  DeleteRule: ({ id, port }) => `delete rule ${id} of port ${port}`,
  AddMembers: ({ port, vms }) => `add ${vms.length} member(s) to the rule of port ${port}`,
  RemoveMembers: ({ port, vms }) => `remove ${vms.length} member(s) from the rule of port ${port}`,
  OpenBorder: ({ cidrs, port, protocol }) => `open ${protocol} ${port} for ${cidrs.join(", ")}`,
  OpenAcl: ({ item: { cidrs, port, protocol } }) => `let ${protocol} ${port} in by the ACL for ${cidrs.join(", ")}`,
  UpdateAcl: ({ change: { cidrs }, id, port }) =>
    `change ACL item ${id} of port ${port} (${cidrs === undefined ? "number" : cidrs.join(", ")})`,
  CloseAcl: ({ id, port }) => `delete ACL item ${id} of port ${port}`,
  CloseBorder: ({ id, port }) => `close firewall rule ${id} of port ${port}`,
  TagBorders: () => "tag the firewall rules",
  TagRules: ({ ids }) => `take over ${ids.length} rule(s) of an earlier provider by a tag`,
  UntagRules: ({ ids }) => `remove the tags of ${ids.length} rule(s) that are gone`,
  SetStickiness: ({ port, stickiness: { method } }) => `stickiness ${method} for the rule of port ${port}`,
  ClearStickiness: ({ id, port }) => `delete stickiness policy ${id} of port ${port}`,
  CreateForward: ({ forward: { privatePort, protocol, publicPort, vmId } }) =>
    `forward ${protocol} ${publicPort} to ${privatePort} of machine ${vmId}`,
  DeleteForward: ({ id, port }) => `delete forward ${id} of port ${port}`,
  TagForwards: () => "tag the forwards",
  TagAddress: ({ id }) => `tag address ${id}`,
  UntagAddress: ({ id, keys }) => `remove ${keys.join(", ")} from address ${id}`,
  ReleaseAddress: ({ id }) => `release address ${id}`
})
