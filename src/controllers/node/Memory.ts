/** What the node controller remembers of Nodes, by UID. All of it may be lost: then something is said or read again. */

export interface Memory {
  /** Reasons of the Events already written. */
  readonly told: Map<string, Set<string>>
  /**
   * Nodes whose initialisation was begun and not seen to its end: the taint's removal may have got through although its
   * answer did not, or is done and the addresses and the Event are still to come.
   */
  readonly owed: Map<string, "taint" | "addresses">
  /** When the list was asked for that lacked the Node's VM. */
  readonly missing: Map<string, number>
}

export const makeMemory = (): Memory => ({ told: new Map(), owed: new Map(), missing: new Map() })

/** All is well with the Node, or it is no more. */
export const forget = ({ missing, owed, told }: Memory, uid: string): void => {
  missing.delete(uid)
  owed.delete(uid)
  told.delete(uid)
}
