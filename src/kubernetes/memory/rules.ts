/** The API server's rules for objects of the kinds used here; a problem is a line of a 422. */
import { at, type JsonObject, listAt, objectAt, textAt, textsAt } from "../json.ts"
import { serviceProblems } from "./serviceRules.ts"

const labelValue = /^(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?$/
const qualifiedName = /^([a-z0-9]([-a-z0-9.]*[a-z0-9])?\/)?[A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?$/

const metadataProblems = (before: JsonObject | undefined, after: JsonObject): ReadonlyArray<string> => {
  const labels = Object.entries(objectAt(after, "metadata", "labels"))
  const annotations = Object.entries(objectAt(after, "metadata", "annotations"))
  const known = textsAt(before, "metadata", "finalizers")
  const added = textsAt(after, "metadata", "finalizers").filter((finalizer) => !known.includes(finalizer))
  return [
    ...labels.flatMap(([key, value]) => [
      ...(qualifiedName.test(key)
        ? []
        : [`metadata.labels: Invalid value: "${key}": name part must be a qualified name`]),
      ...(typeof value === "string" && value.length <= 63 && labelValue.test(value)
        ? []
        : [
            `metadata.labels: Invalid value: ${JSON.stringify(value)}: a valid label must be an empty string or consist ` +
              "of at most 63 alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character"
          ])
    ]),
    ...annotations.flatMap(([key, value]) => [
      ...(qualifiedName.test(key.toLowerCase()) ? [] : [`metadata.annotations: Invalid value: "${key}"`]),
      ...(typeof value === "string" ? [] : [`metadata.annotations[${key}]: must be a string`])
    ]),
    ...(added.length > 0 && textAt(before, "metadata", "deletionTimestamp") !== ""
      ? [
          `metadata.finalizers: Forbidden: no new finalizers can be added if the object is being deleted, found new finalizers ${JSON.stringify(added)}`
        ]
      : []),
    ...added
      .filter((finalizer) => !qualifiedName.test(finalizer))
      .map((finalizer) => `metadata.finalizers[0]: Invalid value: "${finalizer}": name part must be a qualified name`)
  ]
}

const taintEffects: ReadonlyArray<string> = ["NoSchedule", "PreferNoSchedule", "NoExecute"]

const repeated = (names: ReadonlyArray<string>) => names.filter((name, index) => names.indexOf(name) !== index)

const nodeProblems = (before: JsonObject | undefined, after: JsonObject): ReadonlyArray<string> => {
  const taints = listAt(after, "spec", "taints")
  const was = textAt(before, "spec", "providerID")
  const addresses = listAt(after, "status", "addresses").map(
    (address) => `${textAt(address, "type")}/${textAt(address, "address")}`
  )
  return [
    ...(was !== "" && was !== textAt(after, "spec", "providerID")
      ? ['spec.providerID: Forbidden: node updates may not change providerID except from "" to valid']
      : []),
    ...taints.flatMap((taint, index) =>
      taintEffects.includes(textAt(taint, "effect"))
        ? []
        : [`spec.taints[${index}].effect: Unsupported value: "${textAt(taint, "effect")}"`]
    ),
    ...repeated(taints.map((taint) => `${textAt(taint, "key")}:${textAt(taint, "effect")}`)).map(
      (taint) => `metadata.taints: Duplicate value: ${taint}: taints must be unique by key and effect pair`
    ),
    ...repeated(addresses).map((address) => `status.addresses: Duplicate value: ${address}`)
  ]
}

const leaseProblems = (after: JsonObject): ReadonlyArray<string> => {
  const seconds = at(after, "spec", "leaseDurationSeconds")
  const transitions = at(after, "spec", "leaseTransitions")
  return [
    ...(typeof seconds === "number" && seconds <= 0
      ? [`spec.leaseDurationSeconds: Invalid value: ${seconds}: must be greater than 0`]
      : []),
    ...(typeof transitions === "number" && transitions < 0
      ? [`spec.leaseTransitions: Invalid value: ${transitions}: must be greater than or equal to 0`]
      : [])
  ]
}

/** An event about an object outside any namespace lives in `default`. */
const eventProblems = (after: JsonObject): ReadonlyArray<string> => {
  const namespace = textAt(after, "metadata", "namespace")
  const about = textAt(after, "involvedObject", "namespace")
  return (about === "" ? namespace === "default" : about === namespace)
    ? []
    : ["involvedObject.namespace: Invalid value: does not match event.namespace"]
}

export const problemsOf = (
  plural: string,
  before: JsonObject | undefined,
  after: JsonObject,
  takenNodePorts: ReadonlySet<string>
): ReadonlyArray<string> => {
  const common = metadataProblems(before, after)
  switch (plural) {
    case "services":
      return [...common, ...serviceProblems(before, after, takenNodePorts)]
    case "nodes":
      return [...common, ...nodeProblems(before, after)]
    case "leases":
      return [...common, ...leaseProblems(after)]
    case "events":
      return [...common, ...eventProblems(after)]
    default:
      return common
  }
}
