/** What an API server sends beside what the in-memory one keeps: field managers, images, what kubectl applied. */
import { isObject, type Json, type JsonObject, objectAt, textAt } from "../../src/kubernetes/json.ts"

const many = <A>(count: number, make: (index: number) => A): ReadonlyArray<A> =>
  Array.from({ length: count }, (_, index) => make(index))

const owned = (fields: number): JsonObject =>
  Object.fromEntries(many(fields, (index) => [`f:some-field-with-a-usual-name-${index}`, { ".": {}, "f:value": {} }]))

const managedFields = (managers: ReadonlyArray<string>, fields: number): ReadonlyArray<Json> =>
  managers.map((manager) => ({
    manager,
    operation: "Update",
    apiVersion: "v1",
    time: "2026-11-22T12:00:00Z",
    fieldsType: "FieldsV1",
    fieldsV1: { "f:metadata": { "f:annotations": owned(fields) }, "f:status": owned(fields) }
  }))

const images = many(40, (index) => ({
  names: [
    `registry.example.com/team/service-${index}@sha256:${String(index).padStart(64, "0")}`,
    `registry.example.com/team/service-${index}:v1.${index}.0`
  ],
  sizeBytes: 100_000_000 + index
}))

const nodeInfo = {
  architecture: "amd64",
  containerRuntimeVersion: "containerd://2.1.4",
  kernelVersion: "6.12.48+deb13-amd64",
  kubeletVersion: "v1.36.0",
  operatingSystem: "linux",
  osImage: "Debian GNU/Linux 13 (trixie)"
}

const large = (object: JsonObject, managers: ReadonlyArray<string>, fields: number): JsonObject => ({
  ...object,
  metadata: { ...objectAt(object, "metadata"), managedFields: managedFields(managers, fields) }
})

const asNode = (node: JsonObject): JsonObject => ({
  ...large(node, ["kubelet", "kube-controller-manager", "calico-node"], 12),
  status: { ...objectAt(node, "status"), images, nodeInfo, capacity: { cpu: "8", memory: "32Gi", pods: "110" } }
})

const asService = (service: JsonObject): JsonObject => {
  const metadata = objectAt(service, "metadata")
  const applied = {
    apiVersion: "v1",
    kind: "Service",
    metadata: { name: textAt(metadata, "name") },
    spec: service["spec"] ?? {}
  }
  return large(
    {
      ...service,
      metadata: {
        ...metadata,
        annotations: {
          ...objectAt(metadata, "annotations"),
          "kubectl.kubernetes.io/last-applied-configuration": JSON.stringify(applied)
        }
      }
    },
    ["kubectl-client-side-apply", "cloudstack-ccm"],
    6
  )
}

export const asOnTheWire = (object: unknown): unknown => {
  if (!isObject(object)) return object
  if (isObject(object["spec"]) && "clusterIP" in object["spec"]) return asService(object)
  return isObject(object["status"]) && "conditions" in object["status"] ? asNode(object) : object
}
