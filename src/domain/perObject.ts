/**
 * Remembers what a pure function made of an object for as long as the object lives: lists are asked about far more often
 * than they change.
 */
export const perObject = <K extends object, A extends NonNullable<unknown>>(make: (key: K) => A): ((key: K) => A) => {
  const known = new WeakMap<K, A>()
  return (key) => {
    const found = known.get(key)
    if (found !== undefined) return found
    const made = make(key)
    known.set(key, made)
    return made
  }
}
