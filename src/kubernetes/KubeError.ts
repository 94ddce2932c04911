/** What the API server, or the way to it, answered. */
import { Schema } from "effect"

export class KubeError extends Schema.TaggedError<KubeError>()("KubeError", {
  /** `patch services/status shop/web` and the like. */
  operation: Schema.String,
  /** HTTP status; 0 when there was no answer. */
  status: Schema.Int,
  text: Schema.String,
  /** We did not send it ourselves; the text says why. */
  withheld: Schema.optionalKey(Schema.Literal(true)),
  /** There was nothing to send it with, so nobody could answer; the text says why. */
  unsendable: Schema.optionalKey(Schema.Literal(true))
}) {
  override get message(): string {
    if (this.withheld === true) return `${this.operation}: not sent: ${this.text}`
    if (this.unsendable === true) return `${this.operation}: ${this.text}`
    return `${this.operation}: ${this.status === 0 ? "no answer" : this.status} ${this.text}`
  }
  get notFound(): boolean {
    return this.status === 404
  }
  get conflict(): boolean {
    return this.status === 409
  }
}
