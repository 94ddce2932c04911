/**
 * The library's public face: what the controller process is made of, for use inside another Effect application.
 *
 * The requirements in the types say what to provide: a `CloudStackApi` (`layerLive` over HTTP, or `layerMemory` over a
 * `Simulator`), `Settings`, a `ClusterId`, and the Kubernetes views (live, or `kubernetesMemory`).
 */

// The seam to CloudStack, its two sides, and the services over it.
export { Addresses } from "./cloudstack/Addresses.ts"
export { CallPriority, CloudStackApi, CloudStackError, type Parameters, type Priority } from "./cloudstack/Api.ts"
export { Borders } from "./cloudstack/Borders.ts"
export { Inventory } from "./cloudstack/Inventory.ts"
export { Jobs } from "./cloudstack/Jobs.ts"
export { LoadBalancers } from "./cloudstack/LoadBalancers.ts"
export { type CloudStackServices, layer as cloudStackLayer } from "./cloudstack/layers.ts"
export { layerLive } from "./cloudstack/live/layerLive.ts"
export { Machines } from "./cloudstack/Machines.ts"
export type { Fault } from "./cloudstack/memory/faults.ts"
export { Listener, layerHttp } from "./cloudstack/memory/http.ts"
export { layer as simulatorLayer, type SimulatorOptions } from "./cloudstack/memory/layer.ts"
export { layerMemory } from "./cloudstack/memory/layerMemory.ts"
export { Simulator } from "./cloudstack/memory/Simulator.ts"
export { decodeWorld, type World } from "./cloudstack/memory/World.ts"
export { Networks } from "./cloudstack/Networks.ts"
export { Tags } from "./cloudstack/Tags.ts"
export { type CloudSettings, Settings } from "./config/Settings.ts"
// The controllers: reconcile programs, and the pure functions they decide with.
export { ClusterId } from "./controllers/ClusterIdentity.ts"
export * as NodeController from "./controllers/node/NodeController.ts"
export * as NodeLifecycleController from "./controllers/nodeLifecycle/NodeLifecycleController.ts"
export { type Design, design as planService } from "./controllers/service/design.ts"
export { desired } from "./controllers/service/desired.ts"
export { ServiceOptions } from "./controllers/service/options.ts"
export { plan } from "./controllers/service/plan.ts"
export { type ReconcileResult, reconcileService } from "./controllers/service/reconcile.ts"
export { ServiceController } from "./controllers/service/ServiceController.ts"
export { describe as describeStep, type Step } from "./controllers/service/steps.ts"
// Values and their rules.
export * from "./domain/Cloud.ts"
export { indexMachines, resolveMachine } from "./domain/NodeIdentity.ts"
export { type Note, type Refusal, refusalMessage } from "./domain/Refusal.ts"
// Kubernetes: the views, live and in memory.
export { Events } from "./kubernetes/Events.ts"
export { KubeError } from "./kubernetes/KubeError.ts"
export { Leases } from "./kubernetes/Leases.ts"
export { eventsLayer, leasesLayer, nodesLayer, servicesLayer } from "./kubernetes/layers.ts"
export { Connection } from "./kubernetes/live/Connection.ts"
export { layerLive as kubeApiLive } from "./kubernetes/live/layerLive.ts"
export { KubeMemory } from "./kubernetes/memory/KubeMemory.ts"
export { kubernetesMemory } from "./kubernetes/memory/layers.ts"
export { Nodes } from "./kubernetes/Nodes.ts"
export type { Ingress, Node, Service } from "./kubernetes/objects.ts"
export { Services } from "./kubernetes/Services.ts"
