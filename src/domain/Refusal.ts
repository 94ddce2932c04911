/** A demand that only a person can settle: reported once as an Event, not retried until the input changes. */

export interface Refusal {
  /** Reason of the Event, UpperCamelCase. */
  readonly reason: string
  /** What to look at: `spec.ports[1].protocol`, an annotation, a CloudStack object. */
  readonly field: string
  readonly cause: string
  readonly remedy: string
}

/** The text of the Event. A cause in the server's own words may end with a full stop of its own. */
export const refusalMessage = ({ cause, field, remedy }: Refusal): string =>
  `${field}: ${cause.replace(/\.$/, "")}. ${remedy}`

/** The Event of a refusal that does not keep the rest from being served. */
export const warning = (refusal: Refusal): Note => ({
  type: "Warning",
  reason: refusal.reason,
  message: refusalMessage(refusal)
})

/** Something worth one Event although the Service is served. */
export interface Note {
  readonly type: "Normal" | "Warning"
  readonly reason: string
  readonly message: string
}
