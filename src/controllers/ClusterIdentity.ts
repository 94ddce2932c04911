/** Which cluster this is: the name under which things in CloudStack are proved to be ours. */
import { Context, Layer } from "effect"

export class ClusterId extends Context.Service<
  ClusterId,
  {
    readonly id: string
    /** What the cluster was called before: marks with these are ours too. */
    readonly previous: ReadonlyArray<string>
  }
>()("ccm/controllers/ClusterId") {
  static readonly layerOf = (id: string, previous: ReadonlyArray<string> = []) => Layer.succeed(this, { id, previous })
}
