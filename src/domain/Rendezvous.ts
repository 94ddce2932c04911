/**
 * Rendezvous hashing: each key ranks all items by a score of its own, and takes the first ones. An item that goes costs
 * only the keys that had it one place, and one that comes takes a place only where it ranks among the first. Pure.
 */

/** FNV-1a over both texts, then murmur's finisher, which spreads texts that differ only at the end. */
const score = (key: string, item: string): number => {
  let hash = 0x811c9dc5
  for (const text of [key, "\u0000", item]) {
    for (let index = 0; index < text.length; index++) {
      hash = Math.imul(hash ^ text.charCodeAt(index), 0x01000193)
    }
  }
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b)
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35)
  return (hash ^ (hash >>> 16)) >>> 0
}

/** At most `most` of the items, the same for the same key whatever the order of the items. */
export const chooseFor = <A extends string>(key: string, items: ReadonlyArray<A>, most: number): ReadonlyArray<A> => {
  if (items.length <= most) return items
  const scored = items.map((item) => ({ item, score: score(key, item) }))
  scored.sort((a, b) => b.score - a.score || (a.item < b.item ? -1 : 1))
  return scored.slice(0, most).map(({ item }) => item)
}
