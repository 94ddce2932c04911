/** Service `web` as a Go provider served it before: what is in CloudStack, and its traces on the Service. */
import type { Effect } from "effect"
import type { Parameters } from "../../../src/cloudstack/Api.ts"
import { finalizer } from "../../../src/controllers/service/selection.ts"
import { textAt } from "../../../src/kubernetes/json.ts"
import type { KubeMemory } from "../../../src/kubernetes/memory/KubeMemory.ts"
import { type ProviderName, providers } from "../../support/goProviders.ts"
import { annotated } from "../../support/testBed.ts"
import type { Snapshot } from "./judge.ts"
import { usual } from "./scenarios.ts"
import type { Setting } from "./settings.ts"

export interface LeftByInput {
  readonly make: (command: string, parameters: Parameters) => string
  readonly world: () => Snapshot
  readonly kube: KubeMemory["Service"]
  readonly sync: <A, E>(effect: Effect.Effect<A, E>) => A
  readonly networkId: string
  /** What addresses are associated with. */
  readonly target: Parameters
  readonly setting: Setting
}

export const makeLeftBy = (name: ProviderName, input: LeftByInput): void => {
  const { kube, make, networkId, setting, sync, target, world } = input
  const provider = providers[name]
  const service = sync(
    kube.apply({
      apiVersion: "v1",
      kind: "Service",
      metadata: { namespace: "shop", name: "web" },
      spec: { type: "LoadBalancer", ports: usual }
    })
  )
  const uid = textAt(service, "metadata", "uid")
  const address = make("associateIpAddress", target)
  const { addresses, machines } = world()
  const ip = addresses.find(({ id }) => id === address)?.ip ?? ""
  const members = machines.flatMap((vm) => (vm.name === "n1" || vm.name === "n2" ? [vm.id] : []))
  for (const { nodePort, port } of usual) {
    const rule = make("createLoadBalancerRule", {
      publicipid: address,
      networkid: networkId,
      name: provider.rule({ uid, name: "web", protocol: "tcp", port }),
      publicport: `${port}`,
      privateport: `${nodePort}`,
      algorithm: "roundrobin",
      protocol: provider.protocol("tcp"),
      openfirewall: "false",
      ...(provider.sendsCidrs ? { cidrlist: "0.0.0.0/0" } : {})
    })
    make("assignToLoadBalancerRule", { id: rule, virtualmachineids: members.join(",") })
    const range = { protocol: "tcp", startport: `${port}`, endport: `${port}`, cidrlist: "0.0.0.0/0" }
    if (setting.network === "isolated") make("createFirewallRule", { ipaddressid: address, ...range })
    // Leaseweb's knows no network ACLs.
    else if (name !== "Leaseweb") make("createNetworkACL", { networkid: networkId, ...range })
  }
  const notes = provider.notes
    ? { annotations: { ...annotated("id", address), ...annotated("network-id", networkId) } }
    : {}
  const metadata = { finalizers: [finalizer], ...notes }
  sync(kube.edit("services", "shop/web", { metadata, status: { loadBalancer: { ingress: [{ ip, ipMode: "VIP" }] } } }))
}
