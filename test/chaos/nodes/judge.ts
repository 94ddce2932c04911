/** What must hold of everything that the controllers do, checked in the step in which they do it. */
import { confirmAnnotation } from "../../../src/controllers/nodeLifecycle/sight.ts"
import { allowance } from "../../../src/domain/Absence.ts"
import { readSeenVm } from "../../../src/domain/SeenVm.ts"
import type { EventNote } from "../../../src/kubernetes/Events.ts"
import type { Node } from "../../../src/kubernetes/objects.ts"
import { ownTaint, type Soul } from "./population.ts"

const window = 600_000
const shutdown = "node.cloudprovider.kubernetes.io/shutdown"

export interface JudgeOptions {
  readonly seed: number
  readonly real: () => number
  readonly souls: ReadonlyArray<Soul>
}

interface Deletion {
  readonly at: number
  /** The wall clock was set since: another process can not know when it was. */
  blurred: boolean
}

export const makeJudge = ({ real, seed, souls }: JudgeOptions) => {
  const wrong: Array<string> = []
  /** By UID: since when the Node is not Ready. */
  const unready = new Map<string, number>()
  /** Events by Node, as long as nothing makes them news again. */
  const said = new Map<string, Set<string>>()
  let deletions: Array<Deletion> = []
  let made = 0
  let where = ""
  /** Whether the process has still to learn from the record what was deleted, or may do so in this period. */
  let process: "new" | "in its first period" | "old" = "old"
  const forgetBlurred = () => {
    deletions = deletions.filter(({ blurred }) => !blurred)
  }

  const tell = (what: string) => wrong.push(`seed ${seed}, ${where}: ${what}`)
  const soulOf = (name: string) => souls.find((soul) => soul.name === name)

  /** A Node is there, or has changed. */
  const saw = (node: Node) => {
    if (node.ready === "True") unready.delete(node.uid)
    else if (!unready.has(node.uid)) {
      unready.set(node.uid, real())
      said.delete(node.uid)
    }
  }

  /** A Node was deleted; `before` are those that were there. */
  const lost = (node: Node, before: number) => {
    made++
    const soul = soulOf(node.name)
    const now = real()
    if (soul?.deadSince === undefined) tell(`living ${node.name} deleted`)
    else if (soul.kind !== "proper") tell(`${soul.kind} ${node.name} deleted`)
    else if (now - soul.deadSince < 10_000) tell(`${node.name} deleted ${now - soul.deadSince} ms after its VM went`)
    if (node.ready === "True") tell(`Ready ${node.name} deleted`)
    const since = unready.get(node.uid)
    if (since === undefined || now - since < 10_000) tell(`${node.name} deleted within two looks`)
    if (readSeenVm(node.annotations)?.vm !== soul?.vm) tell(`${node.name} deleted without record`)
    if (before === 1) tell(`the only Node ${node.name} deleted`)
    if (said.get(node.uid)?.has("DeletingNode") !== true) tell(`${node.name} deleted without a word`)
    deletions = deletions.filter(({ at }) => now - at < window)
    const recent = deletions.map(({ at }) => at)
    const confirmed = node.annotations[confirmAnnotation] === "true"
    if (!confirmed && allowance(before, recent, now) === 0)
      tell(`${node.name} deleted after ${recent.length} of ${before}`)
    deletions.push({ at: now, blurred: false })
    said.delete(node.uid)
    unready.delete(node.uid)
  }

  const heard = ({ about, component, message, reason }: EventNote) => {
    if (soulOf(about.name)?.kind === "foreign") tell(`said of another cloud's ${about.name}: ${reason}`)
    if (component !== "cloud-node-lifecycle-controller") return
    const before = said.get(about.uid) ?? new Set()
    said.set(about.uid, before)
    const text = reason === "DeletingNode" ? reason : `${reason}: ${message}`
    // What was believed and given up may be believed again.
    if (reason === "NodeDeletionRefused" || reason === "NodeDeletionPaused") before.delete("DeletingNode")
    if (before.has(text) && reason !== "DeletingNode") tell(`said again of ${about.name}: ${text}`)
    before.add(text)
  }

  const wrote = (name: string) => {
    if (soulOf(name)?.kind === "foreign") tell(`wrote to another cloud's ${name}`)
  }

  /** What every Node has to look like when all is calm. */
  const inspect = (nodes: ReadonlyArray<Node>, stateOf: (vm: string) => string | undefined) => {
    for (const { annotations, name, ready, taints } of nodes) {
      const soul = soulOf(name)
      const seen = readSeenVm(annotations)
      if (soul === undefined || soul.kind === "foreign") continue
      if (seen !== undefined && (seen.vm !== soul.vm || seen.owner !== soul.owner)) tell(`${name} has another's record`)
      if (taints.filter(({ key }) => key === ownTaint.key).length !== 1) tell(`${name} lost somebody's taint`)
      // A VM that never came to be is not found by name.
      const states = ["Stopped", "Stopping", "Shutdown", ...(soul.kind === "proper" ? ["Error"] : [])]
      const off = states.includes(stateOf(soul.vm) ?? "")
      const tainted = taints.some(({ effect, key }) => key === shutdown && effect === "NoSchedule")
      if (ready === "True" && tainted) tell(`${name} is Ready and tainted`)
      if (ready !== "True" && off && soul.kind !== "invisible" && !tainted) tell(`${name} is off and not tainted`)
    }
  }

  return {
    wrong,
    tell,
    saw,
    lost,
    heard,
    wrote,
    inspect,
    deletions: () => made,
    /** Nothing was deleted for so long that the limit is whole again. */
    quiet: () => deletions.every(({ at }) => real() - at > window),
    /** A period of the controllers begins. */
    at: (place: string) => {
      where = place
      if (process === "new") forgetBlurred()
      process = process === "new" ? "in its first period" : "old"
    },
    /** The wall clock was set. */
    blur: () => {
      for (const deletion of deletions) deletion.blurred = true
      if (process !== "old") forgetBlurred()
    },
    /** A cache that lags may have shown Ready what was not: then all is told again. */
    lagged: () => {
      for (const texts of said.values()) for (const text of texts) if (text !== "DeletingNode") texts.delete(text)
    },
    /** Another process. */
    restarted: () => {
      said.clear()
      process = "new"
    }
  }
}
export type Judge = ReturnType<typeof makeJudge>
