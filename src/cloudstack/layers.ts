/**
 * Everything above the seam, put together: from a `CloudStackApi` (over HTTP or in memory) and `Settings` to the
 * services that the controllers use. The bare API stays inside, so that no call goes past the governor.
 */
import { Layer } from "effect"
import type { Settings } from "../config/Settings.ts"
import type { Acls } from "./Acls.ts"
import type { Addresses } from "./Addresses.ts"
import type { CloudStackApi } from "./Api.ts"
import type { Borders } from "./Borders.ts"
import type { Capabilities } from "./Capabilities.ts"
import type { Forwards } from "./Forwards.ts"
import { layer as governor } from "./Governor.ts"
import type { Inventory } from "./Inventory.ts"
import { layer as inventory } from "./inventory/layer.ts"
import type { Jobs } from "./Jobs.ts"
import { layer as jobs } from "./jobs/layer.ts"
import { layer as lists } from "./Lists.ts"
import type { LoadBalancers } from "./LoadBalancers.ts"
import type { Machines } from "./Machines.ts"
import type { Networks } from "./Networks.ts"
import { layer as permissions } from "./Permissions.ts"
import { type Rights, layer as rights } from "./Rights.ts"
import { layer as acls } from "./services/acls.ts"
import { layer as addresses } from "./services/addresses.ts"
import { layer as borders } from "./services/borders.ts"
import { layer as capabilities } from "./services/capabilities.ts"
import { layer as forwards } from "./services/forwards.ts"
import { layer as loadBalancers } from "./services/loadBalancers.ts"
import { layer as machines } from "./services/machines.ts"
import { layer as networks } from "./services/networks.ts"
import { layer as tags } from "./services/tags.ts"
import type { Tags } from "./Tags.ts"

export type CloudStackServices =
  | Acls
  | Addresses
  | Borders
  | Capabilities
  | Forwards
  | Inventory
  | Jobs
  | LoadBalancers
  | Machines
  | Networks
  | Rights
  | Tags

/** A command that the role may not use costs neither a call nor a turn. */
const governed = permissions.pipe(Layer.provide(governor))

export const layer: Layer.Layer<CloudStackServices, never, CloudStackApi | Settings> = inventory.pipe(
  Layer.provideMerge(
    Layer.mergeAll(acls, addresses, borders, capabilities, forwards, loadBalancers, machines, networks, tags)
  ),
  Layer.provideMerge(jobs),
  Layer.provide(lists),
  Layer.provideMerge(rights),
  Layer.provide(governed)
)
