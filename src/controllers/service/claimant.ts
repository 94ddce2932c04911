/** What of a Service decides which things in CloudStack are its own. Pure. */
import { leasewebName } from "../../domain/Adoption.ts"
import { addressIdAnnotation, apacheMarker, decodeAnnotations, sourceCidrs } from "../../domain/Annotations.ts"
import type { Cluster } from "../../domain/Ownership.ts"
import { readSources, standardAnnotation } from "../../domain/SourceRanges.ts"
import type { Service } from "../../kubernetes/objects.ts"
import type { Claimant } from "./claims.ts"
import type { ServiceControllerOptions } from "./options.ts"

/** Our own list, and the one that the Go providers put on the firewall (they keep the annotation's on the rule). */
const expectedSources = (service: Service): ReadonlyArray<ReadonlyArray<string>> => {
  const own = service.annotations[sourceCidrs]
  const fields = { specRanges: service.sourceRanges, standard: service.annotations[standardAnnotation] }
  const ours = readSources({ ...fields, own: own === undefined ? undefined : { name: sourceCidrs, text: own } })
  const theirs = readSources({ ...fields, standard: undefined, own: undefined })
  return [ours, theirs].flatMap((sources) => (sources._tag === "Allowed" ? [sources.cidrs] : []))
}

/**
 * Whoever may edit a Service may write its annotations, but not its status: the annotation tells the address only where
 * the status shows a hostname in its place.
 */
const servedOn = ({ annotations, ingress }: Service): ReadonlySet<string> =>
  new Set(ingress.flatMap(({ hostname, ip }) => ip ?? (hostname && annotations[addressIdAnnotation]) ?? []))

const adoptionOf = (service: Service, clusterName: string): Claimant["adoption"] => ({
  leasewebName: leasewebName(clusterName, service),
  servedOn: servedOn(service)
})

export const claimantOf = (
  service: Service,
  cluster: Cluster,
  known: Pick<Claimant, "made" | "allocations">,
  { adopt, clusterName }: Pick<ServiceControllerOptions, "adopt" | "clusterName">
): Claimant => {
  const { address } = decodeAnnotations(service.annotations, service.ports)
  return {
    cluster,
    uid: service.uid,
    name: service.key,
    namesAddress: address._tag !== "Absent" || (service.loadBalancerIP ?? "") !== "",
    apacheMarker: service.annotations[apacheMarker] === "true",
    expectedSources: expectedSources(service),
    wantedPorts: service.type === "LoadBalancer" && !service.deleting ? service.ports.map(({ port }) => port) : [],
    forwardShapes: service.ports.map(({ nodePort, port, protocol }) => ({
      protocol: protocol === "UDP" ? "udp" : "tcp",
      publicPort: port,
      privatePort: nodePort
    })),
    ...known,
    adoption: adopt ? adoptionOf(service, clusterName) : undefined
  }
}
