/** `Acls` over the calls. */
import { Array, Cache, Duration, Effect, Exit, Layer, Option } from "effect"
import type { Settings } from "../../config/Settings.ts"
import type { AclItem, AclListId } from "../../domain/Cloud.ts"
import { monotonicMillis } from "../../wire/monotonic.ts"
import { Acls } from "../Acls.ts"
import type { CloudStackError } from "../Api.ts"
import { Jobs } from "../Jobs.ts"
import { Lists } from "../Lists.ts"
import { aclItems, aclLists } from "../schemas/acls.ts"
import { makeScopeGuard } from "../scope.ts"
import { isForbiddenCommand, noneIfAbsent, readAgainIfEmpty } from "./absence.ts"

/** Lists hardly ever change their name or their VPC, nor their owner's mind. */
const goodFor = Duration.hours(1)
/** Whoever decided on an older look at the list has decided anew by then. */
const numberTakenFor = Duration.minutes(1)

/** The list is the server's own, is only root's to change, or the role may not make items at all. */
const closes = ({ reason }: CloudStackError): boolean =>
  reason._tag === "Forbidden" || (reason._tag === "Refused" && /default acl/i.test(reason.text))

export const layer: Layer.Layer<Acls, never, Lists | Jobs | Settings> = Layer.effect(
  Acls,
  Effect.gen(function* () {
    const lists = yield* Lists
    const jobs = yield* Jobs
    const closed = new Map<AclListId, number>()
    const taken = new Map<string, number>()
    /** The first number that nobody else here is about to use. */
    const pick = Effect.fnUntraced(function* (listId: AclListId, numbers: ReadonlyArray<number>) {
      const now = yield* monotonicMillis
      for (const [key, until] of taken) if (until <= now) taken.delete(key)
      const number = numbers.find((one) => !taken.has(`${listId} ${one}`)) ?? numbers[0]
      taken.set(`${listId} ${number}`, now + Duration.toMillis(numberTakenFor))
      return `${number}`
    })

    const known = yield* Cache.makeWith(
      (id: AclListId) =>
        noneIfAbsent(lists.all("listNetworkACLLists", { id }, aclLists)).pipe(
          Effect.map(Array.head),
          Effect.catchIf(isForbiddenCommand, () => Effect.succeedNone)
        ),
      { capacity: 1_000, timeToLive: (exit) => (Exit.isSuccess(exit) ? goodFor : Duration.zero) }
    )
    const checkScope = yield* makeScopeGuard(
      Effect.andThen(
        Cache.invalidateAll(known),
        Effect.sync(() => closed.clear())
      )
    )

    return Acls.of({
      // Where a new item goes depends on those that are there: before what denies, behind what the user put first.
      items: readAgainIfEmpty(lists.all("listNetworkACLs", {}, aclItems)).pipe(
        Effect.asSome,
        Effect.catchIf(isForbiddenCommand, () => Effect.succeed(Option.none<ReadonlyArray<AclItem>>())),
        Effect.withSpan("Acls.items")
      ),
      listOf: Effect.fn("Acls.listOf")(({ aclId }) =>
        aclId === undefined ? Effect.succeedNone : Effect.andThen(checkScope, Cache.get(known, aclId))
      ),
      isClosed: Effect.fnUntraced(function* (id) {
        yield* checkScope
        return (closed.get(id) ?? 0) > (yield* monotonicMillis)
      }),
      create: Effect.fn("Acls.create")(function* ({ cidrs, listId, numbers, port, protocol, reason }) {
        const parameters = {
          aclid: listId,
          number: yield* pick(listId, numbers),
          protocol,
          startport: `${port}`,
          endport: `${port}`,
          cidrlist: cidrs.join(","),
          traffictype: "ingress",
          action: "allow",
          reason
        }
        return yield* Effect.tapError(jobs.submit("createNetworkACL", parameters), (error) =>
          closes(error)
            ? Effect.map(monotonicMillis, (now) => {
                closed.set(listId, now + Duration.toMillis(goodFor))
              })
            : Effect.void
        )
      }),
      update: Effect.fn("Acls.update")(function* (id, { cidrs, listId, numbers }) {
        return yield* jobs.submit("updateNetworkACLItem", {
          id,
          ...(cidrs === undefined ? {} : { cidrlist: cidrs.join(",") }),
          ...(numbers === undefined ? {} : { number: yield* pick(listId, numbers) })
        })
      }),
      remove: Effect.fn("Acls.remove")((id) => jobs.submit("deleteNetworkACL", { id }))
    })
  })
)
