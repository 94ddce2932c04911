/** VMs as an ordinary user's key sees them, with disturbances, and Nodes as their kubelets report them. */
import { Clock, Effect, Layer, Option } from "effect"
import type { CloudStackError, CloudStackError as Failure } from "../../src/cloudstack/Api.ts"
import { Capabilities } from "../../src/cloudstack/Capabilities.ts"
import { Machines } from "../../src/cloudstack/Machines.ts"
import { type Machine, NetworkId, VmId as Vm, type VmId } from "../../src/domain/Cloud.ts"
import { KubeMemory } from "../../src/kubernetes/memory/KubeMemory.ts"

/** What stands between the truth and its reader. */
export interface Disturbance {
  readonly list: (truth: ReadonlyArray<Machine>) => Effect.Effect<ReadonlyArray<Machine>, CloudStackError>
  readonly find: (id: VmId, truth: Option.Option<Machine>) => Effect.Effect<Option.Option<Machine>, CloudStackError>
}

export const calm: Disturbance = { list: Effect.succeed, find: (_, truth) => Effect.succeed(truth) }

export const failing = (error: Failure): Disturbance => ({
  list: () => Effect.fail(error),
  find: () => Effect.fail(error)
})

const hidden: ReadonlySet<string> = new Set(["Destroyed", "Expunging"])

/** A user does not see VMs that are destroyed; a VM that was expunged nobody sees. */
export const makeNodeCloud = () => {
  const vms = new Map<string, Machine>()
  const calls = { list: 0, find: 0 }
  const region: { name: string | undefined } = { name: undefined }
  const state: { disturbance: Disturbance } = { disturbance: calm }
  let kept: { readonly machines: ReadonlyArray<Machine>; readonly at: number } | undefined

  const visible = (machine: Machine) => !hidden.has(machine.state)
  const machines = Machines.of({
    list: Effect.fnUntraced(function* (maxAge: number) {
      const at = yield* Clock.currentTimeMillis
      if (kept !== undefined && maxAge > 0 && at >= kept.at && at - kept.at <= maxAge) return kept
      calls.list++
      kept = { machines: yield* state.disturbance.list([...vms.values()].filter(visible)), at }
      return kept
    }),
    find: Effect.fnUntraced(function* (id: VmId) {
      calls.find++
      return yield* state.disturbance.find(id, Option.filter(Option.fromNullishOr(vms.get(id)), visible))
    })
  })
  return {
    calls,
    vms,
    layer: Layer.merge(
      Layer.succeed(Machines, machines),
      Layer.succeed(Capabilities, {
        ruleSources: Effect.succeed("unknown" as const),
        region: Effect.sync(() => region.name)
      })
    ),
    region,
    machines,
    disturb: (disturbance: Disturbance) => {
      state.disturbance = disturbance
    },
    put: (...added: ReadonlyArray<Machine>) => {
      for (const machine of added) vms.set(machine.id, machine)
    },
    become: (id: string, state: string) => {
      const machine = vms.get(id)
      if (machine !== undefined) vms.set(id, { ...machine, state })
    },
    expunge: (id: string) => vms.delete(id)
  }
}
export type NodeCloud = ReturnType<typeof makeNodeCloud>

export const vmOf = (id: string, over: Partial<Machine> & { readonly ip?: string } = {}): Machine => {
  const { ip = "10.1.1.5", ...rest } = over
  return {
    id: Vm.make(id),
    name: id,
    state: "Running",
    zone: "Zone 1",
    owner: "acme",
    instanceType: "Small Instance",
    nics: [{ networkId: NetworkId.make("net"), networkName: "net", isDefault: true, ipv4: ip, secondary: [] }],
    ...rest
  }
}

export interface Registration {
  readonly providerID?: string
  readonly ready?: "True" | "False" | "Unknown"
  readonly annotations?: Readonly<Record<string, string>>
  readonly labels?: Readonly<Record<string, string>>
  readonly taints?: ReadonlyArray<{ readonly key: string; readonly value?: string; readonly effect: string }>
  readonly addresses?: ReadonlyArray<{ readonly type: string; readonly address: string }>
}

const readyCondition = (status: string) => [{ type: "Ready", status, reason: "Kubelet", message: "" }]

export const uninitialised = {
  key: "node.cloudprovider.kubernetes.io/uninitialized",
  value: "true",
  effect: "NoSchedule"
}

/** A Node as it stands in the API server after its kubelet registered it. */
export const registerNode = (name: string, node: Registration = {}) =>
  Effect.flatMap(KubeMemory, (memory) =>
    Effect.andThen(
      memory.apply({
        apiVersion: "v1",
        kind: "Node",
        metadata: { name, labels: node.labels ?? {}, annotations: node.annotations ?? {} },
        spec: {
          ...(node.providerID === undefined ? {} : { providerID: node.providerID }),
          ...(node.taints === undefined ? {} : { taints: node.taints })
        }
      }),
      memory.edit("nodes", name, {
        status: { addresses: node.addresses ?? [], conditions: readyCondition(node.ready ?? "True") }
      })
    )
  )

export const setReady = (name: string, status: "True" | "False" | "Unknown") =>
  Effect.flatMap(KubeMemory, (memory) => memory.edit("nodes", name, { status: { conditions: readyCondition(status) } }))

export const nodeNames = Effect.flatMap(KubeMemory, (memory) =>
  Effect.map(memory.list("nodes"), (nodes) =>
    nodes
      .flatMap(({ metadata }) =>
        typeof metadata === "object" && metadata !== null && "name" in metadata ? [String(metadata["name"])] : []
      )
      .sort()
  )
)

/** `reason name`, in the order in which they were written. */
export const eventReasons = Effect.flatMap(KubeMemory, (memory) =>
  Effect.map(memory.events, (events) => events.map(({ reason, name }) => `${reason} ${name}`))
)
