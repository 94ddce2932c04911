/** The world before the controller starts: CloudStack with what others have there, and an API server. */
import { Context, Effect, Exit, Layer, type Scope } from "effect"
import { CloudStackApi, type Parameters } from "../../../src/cloudstack/Api.ts"
import { layer as simulatorLayer } from "../../../src/cloudstack/memory/layer.ts"
import { layerMemory } from "../../../src/cloudstack/memory/layerMemory.ts"
import { Simulator } from "../../../src/cloudstack/memory/Simulator.ts"
import { KubeMemory } from "../../../src/kubernetes/memory/KubeMemory.ts"
import { makeForeign } from "./foreign.ts"
import type { Snapshot } from "./judge.ts"
import { makeLeftBy } from "./leftBy.ts"
import type { Scenario } from "./scenarios.ts"
import { callerIn, networkName, type Setting, worldFor } from "./settings.ts"
import type { Domain, Time } from "./time.ts"

export interface Stage {
  readonly simulator: Simulator["Service"]
  /** CloudStack as the controller's key sees it. */
  readonly api: CloudStackApi["Service"]
  readonly kube: KubeMemory["Service"]
  readonly world: () => Snapshot
  readonly networkId: string
  readonly projectId: string | undefined
  /** As it was before the controller started. */
  readonly before: Snapshot
}

export const nodeManifest = (name: string) => ({
  apiVersion: "v1",
  kind: "Node",
  metadata: { name },
  spec: {},
  status: { conditions: [{ type: "Ready", status: "True" }] }
})
export const makeStage = (
  time: Time,
  server: Domain,
  scope: Scope.Scope,
  { scenario, setting }: { readonly scenario: Scenario; readonly setting: Setting }
): Stage => {
  const built = time.sync(
    server,
    Layer.buildWithMemoMap(
      Layer.mergeAll(layerMemory(callerIn(setting)), KubeMemory.layer).pipe(
        Layer.provideMerge(
          simulatorLayer(worldFor(setting), {
            seed: 1,
            ...(setting.slow ? { pushTime: 80, locks: true } : {}),
            // Never strikes: it makes the server remember what stale lists will show.
            faults: [{ command: "none", fault: { _tag: "staleList", millis: 60_000 } }]
          })
        )
      ),
      Layer.makeMemoMapUnsafe(),
      scope
    )
  )
  const simulator = Context.get(built, Simulator)
  const kube = Context.get(built, KubeMemory)
  const world = () => Effect.runSync(simulator.world) as Snapshot

  /** A command of the network's owner, its job awaited; the id of what it made. */
  const byHand = (command: string, parameters: Parameters): string => {
    const fiber = time.fork(server, simulator.callAs("alice", command, parameters))
    time.pass(time.now() + 2_000, () => false)
    const exit = fiber.pollUnsafe()
    if (exit === undefined || Exit.isFailure(exit)) throw new Error(`${command} has not ended`)
    const [content] = Object.values({ ...(exit.value.body as Record<string, { id?: string; errortext?: string }>) })
    if (exit.value.status !== 200) throw new Error(`${command}: ${content?.errortext}`)
    return content?.id ?? ""
  }

  const { networks, projects, vpcs } = world()
  const networkId = networks.find(({ name }) => name === networkName)?.id ?? ""
  const vpcId = vpcs[0]?.id ?? ""
  const projectId = setting.narrow ? projects[0]?.id : undefined
  makeForeign({ make: byHand, setting, networkId, vpcId })
  const before = world()
  for (const name of ["n1", "n2"]) time.sync(server, kube.apply(nodeManifest(name)))
  if (scenario.leftBy !== undefined) {
    const target: Parameters = setting.network === "tier" ? { vpcid: vpcId } : { networkid: networkId }
    const api = <A, E>(effect: Effect.Effect<A, E>) => time.sync(server, effect)
    makeLeftBy(scenario.leftBy, { make: byHand, world, kube, sync: api, networkId, target, setting })
  }
  return { simulator, api: Context.get(built, CloudStackApi), kube, world, networkId, projectId, before }
}
