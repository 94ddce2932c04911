/** Tags on resources: making, deleting, listing. Everything is all-or-nothing and reported by the job. */
import { Result } from "effect"
import { owns, scope } from "../access.ts"
import { answered, type Call, type Handler, submitted, success } from "../command.ts"
import { type ApiError, broken, deny, refuse } from "../errors.ts"
import { paged, same } from "../lists.ts"
import type { Kind, Tag } from "../records.ts"
import { rowOf, type State } from "../state.ts"
import { tagView } from "../views.ts"

const types: Readonly<Record<string, Kind>> = {
  LoadBalancer: "rule",
  PublicIpAddress: "address",
  FirewallRule: "firewall",
  NetworkACL: "aclItem",
  PortForwardingRule: "forwarding",
  UserVm: "vm",
  Network: "network",
  Vpc: "vpc",
  Project: "project"
}
/** Types the server knows but of which nothing exists here. */
const emptyTypes = ["Volume", "Snapshot", "Template", "ISO", "SecurityGroup", "VMSnapshot", "AutoScaleVmGroup", "User"]

const ownerOf = (state: State, kind: Kind, id: string): string | undefined => {
  switch (kind) {
    case "rule":
      return state.rules.get(id)?.owner
    case "address":
      return state.addresses.get(id)?.owner
    case "firewall":
      return state.firewall.get(id)?.owner
    case "forwarding":
      return state.forwarding.get(id)?.owner
    case "vm":
      return state.vms.get(id)?.owner
    case "network":
      return state.networks.get(id)?.owner
    case "vpc":
      return state.vpcs.get(id)?.owner
    case "project":
      return id
    case "aclItem":
      return state.vpcs.get(state.aclLists.get(state.aclItems.get(id)?.list ?? "")?.vpc ?? "")?.owner
    default:
      return undefined
  }
}

interface Resource {
  readonly id: string
  readonly type: string
  readonly owner: string
}

const resourcesOf = (
  state: State,
  { args, caller }: Pick<Call, "args" | "caller">
): Result.Result<ReadonlyArray<Resource>, ApiError> =>
  Result.gen(function* () {
    const sent = args.text("resourcetype") ?? ""
    const type = [...Object.keys(types), ...emptyTypes].find((name) => same(name, sent))
    if (type === undefined) return yield* refuse(`Invalid resource type ${sent}`)
    const kind = types[type]
    const resources: Array<Resource> = []
    for (const id of args.items("resourceids") ?? []) {
      const row = kind === undefined ? undefined : rowOf(state, kind, id)
      if (kind === undefined || row === undefined) {
        return yield* refuse(`Unable to find resource by uuid ${id} and type ${sent}`)
      }
      const owner = ownerOf(state, kind, id)
      if (owner === undefined && kind === "address") {
        return yield* broken(
          'Cannot invoke "com.cloud.user.Account.getAccountId()" because the return value of "com.cloud.user.dao.AccountDao.findById(Object)" is null'
        )
      }
      if (!owns(state, caller, owner)) return yield* deny()
      resources.push({ id, type, owner: owner ?? caller.id })
    }
    return resources
  })

const createTags: Handler = (call) =>
  Result.succeed(
    submitted(call.state, {
      run: (state) =>
        Result.gen(function* () {
          const resources = yield* resourcesOf(state, call)
          const tags = new Map(state.tags)
          let counter = state.counter
          for (const { id, owner, type } of resources) {
            for (const { key = "", value } of call.args.entries("tags") ?? []) {
              if (value === undefined) return yield* broken()
              if (value === "") return yield* refuse(`Value for the key ${key} is either null or empty`)
              const there = tags.get(id) ?? []
              if (there.some((tag) => same(tag.key, key))) {
                return yield* broken(`tag ${key} already on ${type} with id ${id}`)
              }
              counter += 1
              const tag: Tag = { n: counter, key, value, type, resource: id, owner }
              tags.set(id, [...there, tag])
            }
          }
          return { state: { ...state, counter, tags }, result: success }
        })
    })
  )

/** Without `tags` all go; with a key only that one; both are compared without case. */
const deleteTags: Handler = (call) =>
  Result.succeed(
    submitted(call.state, {
      run: (state) =>
        Result.gen(function* () {
          const resources = yield* resourcesOf(state, call)
          const wanted = call.args.entries("tags")
          const tags = new Map(state.tags)
          let matched = false
          for (const { id } of resources) {
            const there = tags.get(id) ?? []
            const left = there.filter(
              (tag) =>
                wanted !== undefined &&
                !wanted.some(({ key, value }) => same(tag.key, key) && (value === undefined || same(tag.value, value)))
            )
            matched ||= left.length < there.length
            if (left.length === 0) tags.delete(id)
            else tags.set(id, left)
          }
          if (!matched) return yield* broken("Failed to delete tags")
          return { state: { ...state, tags }, result: success }
        })
    })
  )

const listTags: Handler = ({ args, caller, state }) =>
  Result.gen(function* () {
    const visible = yield* scope(state, caller, args, false)
    const like = (name: string, actual: string) => {
      const sent = args.text(name)
      return sent === undefined || same(sent, actual)
    }
    const found = [...state.tags.values()]
      .flat()
      .filter(
        (tag) =>
          visible(tag.owner) &&
          like("key", tag.key) &&
          like("value", tag.value) &&
          like("resourcetype", tag.type) &&
          like("resourceid", tag.resource)
      )
      .sort((a, b) => a.n - b.n)
    return answered(state, yield* paged(state, args, "tag", found, (tag) => tagView(state, tag)))
  })

export const tagCommands: Readonly<Record<string, Handler>> = { createTags, deleteTags, listTags }
