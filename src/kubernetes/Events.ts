/** Kubernetes Events with upstream's correlation: repeats are counted, look-alikes aggregated, spam limited. */
import { Context, type Effect } from "effect"
import type { ObjectRef } from "./objects.ts"

export interface EventNote {
  readonly about: ObjectRef
  readonly type: "Normal" | "Warning"
  /** UpperCamelCase. */
  readonly reason: string
  readonly message: string
  /** `service-controller`, `cloud-node-controller`, … */
  readonly component: string
  /**
   * It holds until something changes, so one process after another would say it: the Event's name is made of what it
   * says, and one that is there already says it.
   */
  readonly standing?: boolean
}

export class Events extends Context.Service<
  Events,
  {
    /** Queued and delivered in the background; never fails and never waits for the API server. */
    readonly record: (note: EventNote) => Effect.Effect<void>
  }
>()("ccm/kubernetes/Events") {}
