/** Reads of any duration and changes in any order: whoever reads last, the ledger never keeps what is out of date. */
import { assert, describe, it } from "@effect/vitest"
import { Arbitrary, Schema } from "effect"
import { Ledger } from "../../../src/cloudstack/inventory/Ledger.ts"
import { AddressId, type Holding } from "../../../src/domain/Cloud.ts"

const ids = ["a", "b"] as const
const Name = Schema.Literals(ids)

/** `startOne`, `startAll` look at the truth at once and give their answer when they end, in any order. */
const Happening = Schema.Union([
  Schema.Struct({ what: Schema.Literals(["change", "startOne"]), id: Name }),
  Schema.Struct({ what: Schema.Literals(["startAll", "forget"]) }),
  Schema.Struct({ what: Schema.Literals(["end"]), which: Schema.Literals([0, 1, 2]) })
])

const holding = (id: string, version: number): Holding => ({
  address: {
    id: AddressId.make(id),
    ip: `${version}`,
    state: "",
    isSourceNat: false,
    isStaticNat: false,
    isSystem: false,
    owner: "",
    tags: []
  },
  rules: [],
  firewall: []
})

describe("Ledger", () => {
  it.prop(
    "trusts nothing that is out of date",
    [Arbitrary.schema(Schema.Array(Happening))],
    ([happenings]) => {
      const ledger = new Ledger()
      /** Version of each address; 0 and every third are "not ours". */
      const truth = new Map<string, number>(ids.map((id) => [id, 1]))
      const look = (id: string) => {
        const version = truth.get(id) ?? 0
        return version % 3 === 0 ? undefined : holding(id, version)
      }
      const running: Array<() => void> = []
      for (const happening of happenings) {
        switch (happening.what) {
          case "change":
            truth.set(happening.id, (truth.get(happening.id) ?? 0) + 1)
            ledger.changed(AddressId.make(happening.id))
            break
          case "startOne": {
            const began = ledger.begin()
            const found = look(happening.id)
            running.push(() => ledger.recordOne(began, AddressId.make(happening.id), found))
            break
          }
          case "startAll": {
            const began = ledger.begin()
            const found = ids.flatMap((id) => look(id) ?? [])
            running.push(() => ledger.recordAll(began, found))
            break
          }
          case "forget":
            ledger.forget()
            break
          case "end":
            running.splice(happening.which, 1)[0]?.()
        }
        for (const id of ids) {
          const trusted = ledger.trusted(AddressId.make(id))
          if (trusted !== undefined) assert.strictEqual(trusted.address.ip, look(id)?.address.ip)
          const stale = ledger.isStale(AddressId.make(id))
          if (ledger.holdings !== undefined && !stale && trusted === undefined) assert.isUndefined(look(id))
        }
      }
    },
    { arbitrary: { runs: 1_000 } }
  )
})
