/** A cluster and a CloudStack in memory with the service controller's parts between them, on virtual time. */
import { Duration, Effect, Fiber, Layer, Option, Redacted } from "effect"
import { TestClock } from "effect/testing"
import { CloudStackApi, type Parameters } from "../../src/cloudstack/Api.ts"
import { layer as cloudServices } from "../../src/cloudstack/layers.ts"
import { type SimulatorOptions, layer as simulator } from "../../src/cloudstack/memory/layer.ts"
import { layerMemory } from "../../src/cloudstack/memory/layerMemory.ts"
import { type LogEntry, Simulator } from "../../src/cloudstack/memory/Simulator.ts"
import { type CloudSettings, Settings } from "../../src/config/Settings.ts"
import { ClusterId } from "../../src/controllers/ClusterIdentity.ts"
import { AddressLanes } from "../../src/controllers/service/AddressLanes.ts"
import { type ServiceControllerOptions, ServiceOptions } from "../../src/controllers/service/options.ts"
import { ServiceController } from "../../src/controllers/service/ServiceController.ts"
import { KubeMemory } from "../../src/kubernetes/memory/KubeMemory.ts"
import { eventsMemory, kubernetesMemory } from "../../src/kubernetes/memory/layers.ts"
import { Services } from "../../src/kubernetes/Services.ts"

export const settings: CloudSettings = {
  apiUrl: "http://cloud.test/client/api",
  credentials: { apiKey: Redacted.make("alice-key"), secretKey: Redacted.make("alice-secret") },
  verifyTls: true,
  callTimeout: Duration.seconds(30),
  jobTimeout: Duration.minutes(5),
  rateLimit: { qps: 1_000, burst: 1_000 },
  vmCacheTtl: Duration.seconds(30),
  previousClusterIds: [],
  servicePolicy: "all",
  allowedAddresses: []
}

const vm = (name: string) => ({ ref: name, name, owner: "alice", nics: [{ network: "net1" }] })

/** Every command that CKS gives to clusters in projects, and no other. */
export const narrowRole = [
  "queryAsyncJobResult",
  "listVirtualMachines",
  "listNetworks",
  "listPublicIpAddresses",
  "associateIpAddress",
  "disassociateIpAddress",
  "listLoadBalancerRules",
  "createLoadBalancerRule",
  "updateLoadBalancerRule",
  "deleteLoadBalancerRule",
  "assignToLoadBalancerRule",
  "removeFromLoadBalancerRule",
  "listLoadBalancerRuleInstances",
  "listFirewallRules",
  "createFirewallRule",
  "deleteFirewallRule",
  "listNetworkACLs",
  "createNetworkACL",
  "deleteNetworkACL"
]

export const worldOf = (
  options: { readonly nodes?: number; readonly free?: number; readonly allow?: ReadonlyArray<string> } = {}
) => ({
  zones: [{ ref: "zone1", name: "sim1" }],
  accounts: [
    {
      ref: "alice",
      name: "alice",
      role: "User",
      // An account with a limit of its own is never short of free addresses.
      ...(options.free === undefined ? { limits: { publicIps: 200 } } : {}),
      ...(options.allow === undefined ? {} : { allow: options.allow })
    },
    // The person at the other keyboard: same account's things, changed by hand.
    { ref: "root", name: "admin", role: "Admin" }
  ],
  networks: [{ ref: "net1", name: "net1", kind: "isolated", owner: "alice" }],
  vms: Array.from({ length: options.nodes ?? 3 }, (_, index) => vm(`n${index + 1}`)),
  publicIps: { free: { alice: options.free ?? 50 } }
})

export interface BedOptions {
  readonly world?: unknown
  readonly simulator?: SimulatorOptions
  readonly settings?: Partial<CloudSettings>
  /** Settings that change. */
  readonly following?: Layer.Layer<Settings>
  readonly controller?: Partial<ServiceControllerOptions>
  /** `none` lets calls run into each other on CloudStack's locks. */
  readonly lanes?: "none"
  /** Whose key the controller has: the `ref` of an account. */
  readonly account?: string
  /** Name of the project that the cluster is in. */
  readonly project?: string
  /** Another server than the simulated one: what it does with calls. */
  readonly around?: (api: CloudStackApi["Service"]) => CloudStackApi["Service"]
}

const aroundApi = ({ account = "alice", around = (api) => api }: BedOptions) =>
  Layer.effect(CloudStackApi, Effect.map(CloudStackApi, around)).pipe(Layer.provide(layerMemory(account)))

/** The project's id is chosen by the simulator. */
const settingsLayer = ({ project, settings: over }: BedOptions) =>
  Layer.unwrap(
    Effect.map(world, ({ projects }) => {
      const projectId = projects.find(({ name }) => name === project)?.id
      return Settings.layerOf({ ...settings, ...(projectId === undefined ? {} : { projectId }), ...over })
    })
  )

const noLanes = Layer.succeed(AddressLanes, { within: () => (effect) => effect })

export const bed = (options: BedOptions = {}) => {
  const cloud = cloudServices.pipe(Layer.provideMerge(aroundApi(options)))
  return Layer.mergeAll(
    cloud,
    options.lanes === "none" ? Layer.merge(ServiceController.layer, noLanes) : ServiceController.layer,
    ServiceOptions.layerOf(options.controller),
    ClusterId.layerOf("test-cluster")
  ).pipe(
    Layer.provideMerge(
      (options.following ?? settingsLayer(options)).pipe(
        Layer.provideMerge(
          Layer.merge(kubernetesMemory, simulator(options.world ?? worldOf(), { seed: 1, ...options.simulator }))
        )
      )
    )
  )
}

/** Lets virtual time pass until the effect is done. */
export const inTime = <A, E, R>(effect: Effect.Effect<A, E, R>, step: Duration.Input = "100 millis") =>
  Effect.gen(function* () {
    const fiber = yield* Effect.forkChild(effect, { startImmediately: true })
    while (fiber.pollUnsafe() === undefined) yield* TestClock.adjust(step)
    return yield* Fiber.join(fiber)
  })

/** One run of the reconcile program. */
export const reconcile = (key = "shop/web") => inTime(ServiceController.reconcile(key))

/** In the background of the test, until its end: what is being done then may end, for which time has to pass. */
export const inBackground = <A, E, R>(effect: Effect.Effect<A, E, R>) =>
  Effect.acquireRelease(Effect.forkDetach(effect, { startImmediately: true }), (fiber) =>
    inTime(Fiber.interrupt(fiber), "1 second")
  )

/** The controller itself; let time pass for it to work. */
export const started = inBackground(ServiceController.run)

/** By another process, which begins with nothing in memory. */
export const restarted =
  (account = "alice") =>
  <A, E, R>(effect: Effect.Effect<A, E, R>) =>
    effect.pipe(
      Effect.provide(ServiceController.layer, { local: true }),
      Effect.provide(eventsMemory, { local: true }),
      Effect.provide(cloudServices, { local: true }),
      Effect.provide(layerMemory(account), { local: true })
    )

/** Passes this much virtual time in small steps, so that what waits on each other gets its turn. */
export const pass = Effect.fnUntraced(function* (seconds: number) {
  for (let step = 0; step < seconds * 4; step++) yield* TestClock.adjust("250 millis")
})

export const isRead = (command: string): boolean => /^(list|get|query)/.test(command)

/** What was asked of CloudStack by the controller since, and how often: polls of jobs are left out. */
export const callsOf = (log: ReadonlyArray<LogEntry>): Readonly<Record<string, number>> => {
  const counts: Record<string, number> = {}
  for (const { account, command } of log) {
    if (account === "root" || command === "queryAsyncJobResult" || command === "listAsyncJobs") continue
    counts[command] = (counts[command] ?? 0) + 1
  }
  return counts
}

export const mutationsOf = (log: ReadonlyArray<LogEntry>) =>
  Object.fromEntries(Object.entries(callsOf(log)).filter(([command]) => !isRead(command)))

/** Runs something and tells what it asked of CloudStack. */
export const counting = Effect.fnUntraced(function* <A, E, R>(effect: Effect.Effect<A, E, R>) {
  const simulator = yield* Simulator
  const before = (yield* simulator.log).length
  const result = yield* effect
  const log = (yield* simulator.log).slice(before)
  const calls = callsOf(log)
  const reads = Object.entries(calls).reduce((sum, [command, count]) => sum + (isRead(command) ? count : 0), 0)
  return { result, calls, mutations: mutationsOf(log), reads, log }
})

/** Somebody else's hand: a command as root, its job awaited. */
export const byHand = Effect.fnUntraced(function* (command: string, parameters: Parameters) {
  const simulator = yield* Simulator
  const answer = yield* inTime(simulator.callAs("root", command, parameters))
  yield* TestClock.adjust("10 seconds")
  return answer
})

interface AclItemRow {
  readonly id: string
  readonly number: number
  readonly protocol: string
  readonly startPort?: number
  readonly cidrs: string
  readonly action: string
  readonly trafficType: string
  readonly reason?: string
}

interface Snapshot {
  readonly addresses: ReadonlyArray<{
    readonly id: string
    readonly ip: string
    readonly state: string
    readonly sourceNat: boolean
    readonly network?: string
  }>
  readonly loadBalancerRules: ReadonlyArray<{
    readonly id: string
    readonly name: string
    readonly description: string
    readonly address: string
    readonly publicPort: number
    readonly privatePort: number
    readonly algorithm: string
    readonly protocol?: string
    readonly cidrs?: string
    readonly members: ReadonlyArray<{ readonly machine: string }>
  }>
  readonly firewallRules: ReadonlyArray<{
    readonly id: string
    readonly address: string
    readonly protocol: string
    readonly startPort?: number
    readonly endPort?: number
    readonly cidrs: ReadonlyArray<string> | string
  }>
  readonly portForwardingRules: ReadonlyArray<{
    readonly id: string
    readonly address: string
    readonly protocol: string
    readonly publicPort: number
    readonly privatePort: number
    readonly machine: string
  }>
  readonly stickinessPolicies: ReadonlyArray<{
    readonly id: string
    readonly rule: string
    readonly method: string
    readonly params: Readonly<Record<string, string>>
  }>
  readonly tags: ReadonlyArray<{ readonly type: string; readonly key: string; readonly value: string }>
  readonly machines: ReadonlyArray<{ readonly id: string; readonly name: string }>
  readonly projects: ReadonlyArray<{ readonly id: string; readonly name: string }>
  readonly networks: ReadonlyArray<{ readonly id: string; readonly name: string }>
  readonly vpcs: ReadonlyArray<{ readonly id: string; readonly name: string }>
  readonly aclLists: ReadonlyArray<{
    readonly id: string
    readonly name: string
    readonly items: ReadonlyArray<AclItemRow>
  }>
  readonly freeAddresses: Readonly<Record<string, number>>
  readonly pushes: number
}

/** The simulator's state as it documents it. */
export const world = Effect.flatMap(Simulator, (simulator) => Effect.map(simulator.world, (json) => json as Snapshot))

/** What is balanced, as lines that a person can compare. */
export const balanced = Effect.map(world, ({ addresses, firewallRules, loadBalancerRules }) => ({
  addresses: addresses.filter(({ sourceNat }) => !sourceNat).map(({ ip }) => ip),
  rules: loadBalancerRules
    .map(
      ({ algorithm, members, privatePort, protocol, publicPort }) =>
        `${protocol} ${publicPort}>${privatePort} ${algorithm} ${members
          .map(({ machine }) => machine)
          .sort()
          .join(",")}`
    )
    .sort(),
  firewall: firewallRules
    .map(({ cidrs, endPort, protocol, startPort }) => `${protocol} ${startPort}-${endPort} ${[cidrs].flat().join(",")}`)
    .sort()
}))

/** Everything in CloudStack but what only counts or remembers: two of these are equal if nothing was changed. */
export const wholeWorld = Effect.map(world, ({ addresses, firewallRules, freeAddresses, loadBalancerRules, tags }) => ({
  addresses,
  firewallRules,
  freeAddresses,
  loadBalancerRules,
  tags
}))

export interface ServiceInput {
  readonly name?: string
  readonly annotations?: Readonly<Record<string, string>>
  readonly spec?: Readonly<Record<string, unknown>>
}

const annotationPrefix = "service.beta.kubernetes.io/cloudstack-load-balancer-"

export const annotated = (suffix: string, value: string) => ({ [annotationPrefix + suffix]: value })

/** As `kubectl apply`; `web` with the ports 80 and 443 on 30080 and 30443 unless said otherwise. */
export const applyService = ({ annotations = {}, name = "web", spec = {} }: ServiceInput = {}) =>
  Effect.flatMap(KubeMemory, (memory) =>
    memory.apply({
      apiVersion: "v1",
      kind: "Service",
      metadata: { namespace: "shop", name, annotations },
      spec: {
        type: "LoadBalancer",
        ports: [
          { name: "http", port: 80, nodePort: 30_080 },
          { name: "https", port: 443, nodePort: 30_443 }
        ],
        ...spec
      }
    })
  )

export const editService = (patch: unknown, name = "web") =>
  Effect.flatMap(KubeMemory, (memory) => memory.edit("services", `shop/${name}`, patch))

export const editNode = (name: string, patch: unknown) =>
  Effect.flatMap(KubeMemory, (memory) => memory.edit("nodes", name, patch))

export const removeService = (name = "web") =>
  Effect.flatMap(KubeMemory, (memory) => memory.remove("services", `shop/${name}`))

/** Nodes as they are after initialisation. */
export const applyNodes = (...names: ReadonlyArray<string>) =>
  Effect.flatMap(KubeMemory, (memory) =>
    Effect.forEach(names, (name) =>
      memory.apply({
        apiVersion: "v1",
        kind: "Node",
        metadata: { name },
        spec: {},
        status: { conditions: [{ type: "Ready", status: "True" }] }
      })
    )
  )

export const ingress = (name = "web") =>
  Effect.map(
    Effect.flatMap(Services, (services) => services.find(`shop/${name}`)),
    (service) => (Option.isSome(service) ? service.value.ingress : undefined)
  )

/** `Reason: message` of the Events about a Service, oldest first. */
export const events = (name = "web") =>
  Effect.map(
    Effect.flatMap(KubeMemory, (memory) => memory.events),
    (all) => all.filter((event) => event.kind === "Service" && event.name === name).map(({ reason }) => reason)
  )

export const eventMessages = (name = "web") =>
  Effect.map(
    Effect.flatMap(KubeMemory, (memory) => memory.events),
    (all) =>
      all
        .filter((event) => event.kind === "Service" && event.name === name)
        .map(({ message, reason }) => `${reason}: ${message}`)
  )

/** Writes to Kubernetes by clients, Events included. */
export const kubeWrites = Effect.flatMap(KubeMemory, (memory) => Effect.map(memory.writes, (writes) => ({ ...writes })))
