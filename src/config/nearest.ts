/** "Did you mean": the known name that a mistyped one most likely stands for. */

/** None if nothing is near enough to be worth suggesting. */
export const nearest = (name: string, known: Iterable<string>): string | undefined => {
  let best: string | undefined
  let least = Math.min(Math.max(3, Math.floor(name.length / 3) + 1), name.length)
  for (const candidate of known) {
    const distance = edits(name, candidate)
    if (distance < least) [best, least] = [candidate, distance]
  }
  return best
}

/** Insertions, deletions, replacements and swaps of neighbours (Damerau and Levenshtein). */
const edits = (a: string, b: string): number => {
  let [older, old]: [ReadonlyArray<number>, ReadonlyArray<number>] = [
    [],
    Array.from({ length: b.length + 1 }, (_, j) => j)
  ]
  for (let i = 1; i <= a.length; i++) {
    const row = [i]
    for (let j = 1; j <= b.length; j++) {
      const same = a[i - 1] === b[j - 1] ? 0 : 1
      const swapped = i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1]
      row.push(
        Math.min(
          (old[j] ?? 0) + 1,
          (row[j - 1] ?? 0) + 1,
          (old[j - 1] ?? 0) + same,
          swapped ? (older[j - 2] ?? 0) + 1 : Number.POSITIVE_INFINITY
        )
      )
    }
    ;[older, old] = [old, row]
  }
  return old[b.length] ?? 0
}
