/** Carries out a client's request on the stored objects. */
import { Result } from "effect"
import { isObject, objectAt, textAt } from "../json.ts"
import type { KubeRequest } from "../KubeApi.ts"
import type { Answer, Objects } from "./objects.ts"
import { strategicMerge } from "./patch.ts"

const reject = (status: number, text: string): Answer => Result.fail({ status, text })

export const answer = (objects: Objects, request: KubeRequest, now: number): Answer => {
  const { verb, namespace, subresource } = request
  const plural = request.resource.plural
  const body = isObject(request.body) ? request.body : {}
  const name = request.name ?? textAt(body, "metadata", "name")
  const target = { plural, key: namespace === undefined ? name : `${namespace}/${name}` }
  switch (verb) {
    case "get":
      return objects.read(target)
    case "list": {
      const items = objects
        .list(plural)
        .filter((item) => namespace === undefined || textAt(item, "metadata", "namespace") === namespace)
      return Result.succeed({ metadata: { resourceVersion: objects.revision() }, items })
    }
    case "create": {
      if (namespace === undefined) return objects.create(target, body, now)
      return objects.create(target, { ...body, metadata: { ...objectAt(body, "metadata"), namespace } }, now)
    }
    case "update":
      if (plural === "leases" && textAt(body, "metadata", "resourceVersion") === "") {
        return reject(422, "metadata.resourceVersion: Invalid value: 0x0: must be specified for an update")
      }
      return objects.change(target, body, subresource)
    case "patch":
      return Result.flatMap(objects.read(target), (before) =>
        objects.change(target, strategicMerge(before, body), subresource)
      )
    case "delete":
      return objects.remove(target, objectAt(body, "preconditions"), now)
  }
}
