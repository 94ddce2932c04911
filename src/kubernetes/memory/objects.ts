/** The stored objects of the in-memory API server and the life of one: create, change, delete, with revisions. */
import { Equal, Result } from "effect"
import { type JsonObject, objectAt, textAt, textsAt, withAt } from "../json.ts"
import { problemsOf } from "./rules.ts"
import { nodePortsOf, prepareService } from "./serviceRules.ts"

export interface Rejection {
  readonly status: number
  readonly text: string
}

export interface Target {
  readonly plural: string
  readonly key: string
}

export type Answer = Result.Result<JsonObject, Rejection>

export interface Seen extends Target {
  readonly type: "ADDED" | "MODIFIED" | "DELETED"
  readonly object: JsonObject
}

const reject = (status: number, text: string) => Result.fail({ status, text })

/** Distinct in front, because names derived from UIDs are cut at the end. */
const uidOf = (count: number): string => {
  const head = Math.imul(count, 0x9e3779b1) >>> 0
  return `${head.toString(16).padStart(8, "0")}-0000-4000-8000-${count.toString(16).padStart(12, "0")}`
}

export const timestamp = (millis: number): string => new Date(millis).toISOString().replace(/\.\d+Z$/, "Z")

/** How many changes a watch can go back. */
const remembered = 1_000

/** Kinds whose spec and status are written apart. */
const splits: ReadonlySet<string> = new Set(["services", "nodes"])

export const makeObjects = () => {
  const kinds = new Map<string, Map<string, JsonObject>>()
  const listeners = new Set<(seen: Seen) => void>()
  const history: Array<readonly [revision: number, seen: Seen]> = []
  let forgotten = 0
  let revision = 1
  let created = 0

  const kind = (plural: string): Map<string, JsonObject> => {
    const found = kinds.get(plural) ?? new Map<string, JsonObject>()
    kinds.set(plural, found)
    return found
  }

  const commit = (type: Seen["type"], { plural, key }: Target, object: JsonObject): JsonObject => {
    revision += 1
    const stored = withAt(object, ["metadata", "resourceVersion"], String(revision))
    if (type === "DELETED") kind(plural).delete(key)
    else kind(plural).set(key, stored)
    const seen: Seen = { type, plural, key, object: stored }
    history.push([revision, seen])
    if (history.length > remembered) forgotten = history.shift()?.[0] ?? forgotten
    for (const listener of listeners) listener(seen)
    return stored
  }

  const takenNodePorts = (except: string): ReadonlySet<string> =>
    new Set([...kind("services")].filter(([key]) => key !== except).flatMap(([, service]) => nodePortsOf(service)))

  const admit = ({ plural, key }: Target, before: JsonObject | undefined, candidate: JsonObject): Answer => {
    const taken = plural === "services" ? takenNodePorts(key) : new Set<string>()
    const after = plural === "services" ? prepareService(before, candidate, taken) : candidate
    const problems = problemsOf(plural, before, after, taken)
    if (problems.length === 0) return Result.succeed(after)
    return reject(422, `${plural} "${textAt(after, "metadata", "name")}" is invalid: ${problems.join(", ")}`)
  }

  const find = ({ plural, key }: Target): JsonObject | undefined => kind(plural).get(key)

  const read = (target: Target): Answer => {
    const found = find(target)
    const name = target.key.slice(target.key.indexOf("/") + 1)
    return found === undefined ? reject(404, `${target.plural} "${name}" not found`) : Result.succeed(found)
  }

  const create = (target: Target, body: JsonObject, now: number): Answer => {
    const name = textAt(body, "metadata", "name")
    if (name === "") return reject(422, "metadata.name: Required value: name or generateName is required")
    if (find(target) !== undefined) return reject(409, `${target.plural} "${name}" already exists`)
    const { deletionTimestamp: _, ...metadata } = objectAt(body, "metadata")
    created += 1
    const uid = textAt(metadata, "uid") || uidOf(created)
    const creationTimestamp = textAt(metadata, "creationTimestamp") || timestamp(now)
    const fresh: JsonObject = { ...body, metadata: { ...metadata, uid, creationTimestamp } }
    const candidate = target.plural === "services" ? withAt(fresh, ["status"], { loadBalancer: {} }) : fresh
    return Result.map(admit(target, undefined, candidate), (after) => commit("ADDED", target, after))
  }

  /** `candidate` replaces the object, in the half that the resource or its status subresource owns. */
  const change = (target: Target, candidate: JsonObject, subresource: "status" | undefined): Answer => {
    const before = find(target)
    if (before === undefined) return read(target)
    const was = objectAt(before, "metadata")
    const { resourceVersion, uid } = objectAt(candidate, "metadata")
    const name = textAt(was, "name")
    if (resourceVersion !== undefined && resourceVersion !== was["resourceVersion"]) {
      return reject(
        409,
        `Operation cannot be fulfilled on ${target.plural} "${name}": the object has been modified; please apply your changes to the latest version and try again`
      )
    }
    if (uid !== undefined && uid !== was["uid"]) {
      return reject(409, `Precondition failed: UID in precondition: ${uid}, UID in object meta: ${was["uid"]}`)
    }
    const { uid: keptUid, resourceVersion: keptVersion, creationTimestamp, deletionTimestamp, namespace } = was
    const fixed = { name, namespace, uid: keptUid, resourceVersion: keptVersion, creationTimestamp, deletionTimestamp }
    const metadata: JsonObject = {
      ...objectAt(candidate, "metadata"),
      ...Object.fromEntries(
        Object.entries(fixed).flatMap(([key, value]) => (value === undefined ? [] : [[key, value]]))
      )
    }
    const split = splits.has(target.plural)
    const merged: JsonObject = {
      ...candidate,
      metadata,
      ...(split && subresource === "status" ? { spec: objectAt(before, "spec") } : {}),
      ...(split && subresource === undefined ? { status: objectAt(before, "status") } : {})
    }
    return Result.map(admit(target, before, merged), (after) => {
      if (Equal.equals(after, before)) return before
      const deleting = textAt(after, "metadata", "deletionTimestamp") !== ""
      const free = textsAt(after, "metadata", "finalizers").length === 0
      return commit(deleting && free ? "DELETED" : "MODIFIED", target, after)
    })
  }

  const remove = (target: Target, preconditions: JsonObject, now: number): Answer => {
    const before = find(target)
    if (before === undefined) return read(target)
    for (const [field, name] of [
      ["uid", "UID"],
      ["resourceVersion", "ResourceVersion"]
    ] as const) {
      const [wanted, own] = [textAt(preconditions, field), textAt(before, "metadata", field)]
      if (wanted !== "" && wanted !== own) {
        return reject(409, `Precondition failed: ${name} in precondition: ${wanted}, ${name} in object meta: ${own}`)
      }
    }
    if (textsAt(before, "metadata", "finalizers").length === 0) return Result.succeed(commit("DELETED", target, before))
    if (textAt(before, "metadata", "deletionTimestamp") !== "") return Result.succeed(before)
    const marked = withAt(before, ["metadata", "deletionTimestamp"], timestamp(now))
    return Result.succeed(commit("MODIFIED", target, withAt(marked, ["metadata", "deletionGracePeriodSeconds"], 0)))
  }

  return {
    find,
    read,
    create,
    change,
    remove,
    list: (plural: string): ReadonlyArray<JsonObject> => [...kind(plural).values()],
    all: (): ReadonlyArray<Seen> =>
      [...kinds].flatMap(([plural, found]) =>
        [...found].map(([key, object]): Seen => ({ type: "ADDED", plural, key, object }))
      ),
    /** The changes after a revision, if they are all remembered. */
    since: (after: number): ReadonlyArray<Seen> | undefined =>
      after < forgotten ? undefined : history.flatMap(([at, seen]) => (at > after ? [seen] : [])),
    revision: () => String(revision),
    /** Called in the same step as the commit. */
    listen: (listener: (seen: Seen) => void) => {
      listeners.add(listener)
      return () => {
        listeners.delete(listener)
      }
    }
  }
}

export type Objects = ReturnType<typeof makeObjects>
