/** The tests of the test: lifecycle controllers that were broken on purpose, by what they see, are found out. */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Option } from "effect"
import type { MachineList } from "../../../src/cloudstack/Machines.ts"
import { deletionsAnnotation } from "../../../src/domain/DeletionRecord.ts"
import { parseProviderId } from "../../../src/domain/ProviderId.ts"
import { encodeSeenVm, readSeenVm, seenAnnotation } from "../../../src/domain/SeenVm.ts"
import type { Node } from "../../../src/kubernetes/objects.ts"
import { vmOf } from "../../support/nodeCloud.ts"
import { chaos } from "../nodes.ts"
import type { Sabotage, Seen } from "./world.ts"

const most = 90_000

const lives = (sabotage: Sabotage, periods = most) => chaos({ seed: 1, periods, sabotage })

/** What is wrong with the first world that shows it. */
const caught = (title: string, sabotage: Sabotage, like: RegExp) =>
  it.live(title, () =>
    Effect.map(lives(sabotage), ({ wrong }) => assert.match(wrong.join("\n") || "nothing was wrong", like))
  )

const overNodes =
  (change: (nodes: Seen["nodes"], seen: Seen) => Partial<Seen["nodes"]>) =>
  (seen: Seen): Seen => ({ ...seen, nodes: { ...seen.nodes, ...change(seen.nodes, seen) } })

/** Sees every Node as `other` makes it. */
const seeing = (other: (node: Node) => Node): Sabotage => ({
  see: overNodes(({ all }) => ({ all: Effect.map(all, (nodes) => nodes.map(other)) }))
})

/** The VMs that Ready Nodes must be on, whether or not CloudStack shows them. */
const believed = ({ nodes }: Seen) =>
  Effect.map(nodes.all, (all) =>
    all.flatMap((node) => {
      const seen = readSeenVm(node.annotations)
      return node.ready !== "True" || seen === undefined ? [] : [vmOf(seen.vm, { owner: seen.owner, zone: seen.zone })]
    })
  )

/** Takes Ready Nodes for witnesses where `listed` says so. */
const credulous = (where: (list: MachineList) => boolean): Sabotage => {
  let trusted = false
  return {
    see: (seen) => ({
      ...seen,
      machines: {
        list: Effect.fnUntraced(function* (maxAge) {
          const list = yield* seen.machines.list(maxAge)
          trusted = where(list)
          return trusted ? { ...list, machines: [...list.machines, ...(yield* believed(seen))] } : list
        }),
        find: Effect.fnUntraced(function* (id) {
          const found = yield* seen.machines.find(id)
          if (Option.isSome(found) || !trusted) return found
          return Option.fromNullishOr((yield* believed(seen)).find((machine) => machine.id === id))
        })
      }
    })
  }
}

describe("a lifecycle controller that", () => {
  it.live("does all as it should passes", () =>
    Effect.map(lives({}, 6_000), ({ wrong }) => assert.deepStrictEqual(wrong, []))
  )

  caught("takes two looks at once for two looks", { hasty: true }, /living|within two looks|ms after its VM went/)

  caught(
    "trusts an empty list",
    credulous(({ machines }) => machines.length === 0),
    /living node/
  )

  caught(
    "needs no visible sibling",
    credulous(() => true),
    /living node/
  )

  caught(
    "takes siblings of any zone for witnesses",
    seeing((node) => {
      const seen = readSeenVm(node.annotations)
      if (seen === undefined) return node
      const record = encodeSeenVm(vmOf(seen.vm, { owner: seen.owner, zone: `only ${node.name}` }))
      return { ...node, annotations: { ...node.annotations, [seenAnnotation]: record } }
    }),
    /living node/
  )

  caught(
    "has no limit",
    {
      forget: (memory) => {
        memory.deletions = []
      }
    },
    /deleted after \d+ of/
  )

  caught(
    "begins the limit anew with each process",
    seeing(({ annotations: { [deletionsAnnotation]: _, ...annotations }, ...node }) => ({ ...node, annotations })),
    /deleted after \d+ of/
  )

  caught(
    "does not notice that it asks as somebody else",
    {
      see: (seen) => {
        const first = Effect.runSync(seen.settings.current)
        return { ...seen, settings: { ...seen.settings, current: Effect.succeed(first) } }
      }
    },
    /living node/
  )

  caught(
    "believes the list without a direct look-up",
    {
      see: (seen) => {
        let last: MachineList | undefined
        return {
          ...seen,
          machines: {
            list: (maxAge) =>
              Effect.tap(seen.machines.list(maxAge), (list) =>
                Effect.sync(() => {
                  last = list
                })
              ),
            find: (id) => Effect.sync(() => Option.fromNullishOr(last?.machines.find((machine) => machine.id === id)))
          }
        }
      }
    },
    /living node/
  )

  caught(
    "believes what it never saw",
    seeing((node) => {
      const id = parseProviderId(node.providerID)
      if (id._tag !== "Vm" || node.annotations[seenAnnotation] !== undefined) return node
      return { ...node, annotations: { ...node.annotations, [seenAnnotation]: encodeSeenVm(vmOf(id.id)) } }
    }),
    /invisible node|without record/
  )

  caught(
    "trusts its own cache",
    {
      see: overNodes((nodes) => ({
        fetch: (name) => Effect.map(nodes.all, (all) => Option.fromNullishOr(all.find((node) => node.name === name))),
        remove: (node) =>
          Effect.flatMap(nodes.fetch(node.name), (fresh) =>
            Option.isSome(fresh) ? nodes.remove(fresh.value) : Effect.void
          )
      }))
    },
    /Ready node/
  )

  caught("says the same again and again", { forget: (memory) => memory.reported.clear() }, /said again/)
})
