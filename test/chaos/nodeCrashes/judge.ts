/** What Nodes look like to those who compare two runs, and what must not happen to them in any. */
import type { EventNote } from "../../../src/kubernetes/Events.ts"
import type { Node } from "../../../src/kubernetes/objects.ts"

export const makeJudge = ({ now }: { readonly now: () => number }) => {
  const wrong: Array<string> = []
  const doomed = new Map<string, number>()
  const unready = new Map<string, number>()
  const said = new Map<string, number>()
  const deletions: Array<number> = []

  const tell = (what: string) => void wrong.push(what)

  const saw = (node: Node, isGone: boolean) => {
    if (!isGone) {
      if (node.ready === "True") unready.delete(node.name)
      else if (!unready.has(node.name)) unready.set(node.name, now())
      return
    }
    const since = Math.max(
      doomed.get(node.name) ?? Number.POSITIVE_INFINITY,
      unready.get(node.name) ?? Number.POSITIVE_INFINITY
    )
    if (!(now() - since >= 10_000))
      tell(`${node.name} was deleted ${now() - since} ms after its VM and its kubelet went`)
    if (deletions.some((at) => now() - at < 600_000)) tell(`${node.name} was deleted too soon after another`)
    if (!said.has(`DeletingNode ${node.uid}`)) tell(`${node.name} was deleted without a word`)
    deletions.push(now())
  }

  const heard = ({ about, message, reason }: EventNote) => {
    const key = `${reason === "NodeDeletionRefused" ? `${reason}: ${message}` : reason} ${about.uid}`
    const times = (said.get(key) ?? 0) + 1
    said.set(key, times)
    if (times > 1) tell(`said ${times} times by one process: ${reason} ${about.name}`)
  }

  /** All of each Node but what only counts or remembers. */
  const describe = (nodes: ReadonlyArray<Node>, ids: ReadonlyMap<string, string>) =>
    nodes
      .map(({ addresses, annotations, labels, name, providerID, ready, taints }) => {
        const id = ids.get(name) ?? "?"
        const sorted = Object.entries(labels).toSorted(([a], [b]) => (a < b ? -1 : 1))
        return [
          name,
          ready,
          providerID.replace(id, "<its VM>"),
          (annotations["cloudstack-ccm/seen-vm"] ?? "never seen").replace(id, "<its VM>"),
          sorted.map(([key, value]) => `${key}=${value}`).join(" "),
          taints.map(({ effect, key }) => `${key}:${effect}`).join(" "),
          addresses.map(({ address, type }) => `${type}=${address}`).join(" ")
        ].join(" | ")
      })
      .toSorted()

  return {
    wrong,
    tell,
    saw,
    heard,
    describe,
    doomed: (name: string) => void doomed.set(name, now()),
    /** Another process may say all again. */
    restarted: () => said.clear()
  }
}
