/** What lies around the rules: zones, VPCs, projects, offerings, regions. */
import { Result } from "effect"
import { isAdmin, isMember, scope } from "../access.ts"
import { answered, type Content, type Handler } from "../command.ts"
import { keywordMatcher, optional, paged, same, tagFilter, unpaged } from "../lists.ts"
import type { NetworkOffering } from "../records.ts"
import { projectView, vpcView, zoneView } from "../views.ts"
import { offeringFields } from "../vmViews.ts"

const listZones: Handler = ({ args, state }) =>
  Result.gen(function* () {
    const ids = args.items("ids") ?? []
    const name = args.text("name")
    const matches = keywordMatcher(args.text("keyword"))
    const tagged = yield* tagFilter(state, args)
    const found = [...state.zones.values()].filter(
      (zone) =>
        optional(args.text("id"), zone.id) &&
        (ids.length === 0 || ids.includes(zone.id)) &&
        (name === undefined || same(name, zone.name)) &&
        (args.text("networktype") === undefined || same(args.text("networktype"), "Advanced")) &&
        matches(zone.name) &&
        tagged(zone.id)
    )
    return answered(state, yield* paged(state, args, "zone", found, zoneView))
  })

const listVPCs: Handler = ({ args, caller, state }) =>
  Result.gen(function* () {
    const id = args.text("id")
    const visible = yield* scope(state, caller, args, id !== undefined)
    const tagged = yield* tagFilter(state, args)
    const matches = keywordMatcher(args.text("keyword"))
    const name = args.text("name")
    const found = [...state.vpcs.values()].filter(
      (vpc) =>
        visible(vpc.owner) &&
        optional(id, vpc.id) &&
        optional(args.text("zoneid"), vpc.zone) &&
        optional(args.text("cidr"), vpc.cidr) &&
        (name === undefined || same(name, vpc.name)) &&
        (args.text("state") === undefined || same(args.text("state"), "Enabled")) &&
        matches(vpc.name) &&
        tagged(vpc.id)
    )
    const tiers = (vpc: string) => [...state.networks.values()].filter((network) => network.vpc === vpc)
    return answered(
      state,
      yield* paged(state, args, "vpc", found.reverse(), (vpc) => vpcView(state, vpc, tiers(vpc.id)))
    )
  })

const listProjects: Handler = ({ args, caller, state }) =>
  Result.gen(function* () {
    const id = args.text("id")
    const name = args.text("name")
    const matches = keywordMatcher(args.text("keyword"))
    const all = isAdmin(caller) && args.flag("listall") === true
    const found = [...state.projects.values()].filter(
      (project) =>
        (all || isMember(project, caller)) &&
        optional(id, project.id) &&
        (name === undefined || same(name, project.name)) &&
        (args.text("state") === undefined || same(args.text("state"), "Active")) &&
        matches(project.name)
    )
    return answered(state, yield* paged(state, args, "project", found, (project) => projectView(state, project)))
  })

const offeringView = (offering: NetworkOffering): Content => ({
  id: offering.id,
  name: offering.name,
  displaytext: offering.name,
  traffictype: "Guest",
  isdefault: true,
  guestiptype: offering.guestType,
  state: "Enabled",
  forvpc: offering.forVpc,
  conservemode: offering.conserveMode,
  service: offering.services.map((name) => ({
    name,
    provider: [{ name: offering.forVpc ? "VpcVirtualRouter" : "VirtualRouter" }]
  }))
})

const listNetworkOfferings: Handler = ({ args, state }) =>
  Result.gen(function* () {
    const matches = keywordMatcher(args.text("keyword"))
    const name = args.text("name")
    const type = args.text("guestiptype")
    const services = args.items("supportedservices") ?? []
    const found = [...state.networkOfferings.values()].filter(
      (offering) =>
        optional(args.text("id"), offering.id) &&
        (name === undefined || same(name, offering.name)) &&
        (type === undefined || same(type, offering.guestType)) &&
        optional(args.flag("forvpc"), offering.forVpc) &&
        services.every((service) => offering.services.some((offered) => same(offered, service))) &&
        matches(offering.name)
    )
    return answered(state, yield* paged(state, args, "networkoffering", found, offeringView))
  })

const listServiceOfferings: Handler = ({ args, state }) =>
  Result.gen(function* () {
    const { serviceofferingname: name, serviceofferingid: id, ...size } = offeringFields(state)
    const view: Content = { id, name, displaytext: name, ...size, issystem: false, state: "Active" }
    const wanted = args.text("name")
    const shown =
      optional(args.text("id"), state.offering.id) &&
      (wanted === undefined || same(wanted, String(name))) &&
      keywordMatcher(args.text("keyword"))(String(name))
    return answered(state, yield* paged(state, args, "serviceoffering", shown ? [view] : [], (offering) => offering))
  })

const listRegions: Handler = ({ args, state }) => {
  const wanted = args.int("id")
  const name = args.text("name")
  const shown = (wanted === undefined || wanted === 1) && (name === undefined || same(name, "Local"))
  const region = { id: 1, name: "Local", endpoint: "http://localhost:8080/client/", gslbserviceenabled: true }
  return Result.succeed(
    answered(
      state,
      unpaged("region", shown ? [region] : [], (one) => one)
    )
  )
}

/** Commands that exist and have nothing to show. */
const empty: Handler = ({ state }) => Result.succeed(answered(state, {}))

export const inventoryCommands: Readonly<Record<string, Handler>> = {
  listZones,
  listVPCs,
  listProjects,
  listNetworkOfferings,
  listServiceOfferings,
  listRegions,
  listEvents: empty,
  listHosts: empty,
  listTemplates: empty,
  listSslCerts: empty,
  listLoadBalancers: empty,
  listRoutingFirewallRules: empty,
  listIpv6FirewallRules: empty,
  listEgressFirewallRules: empty
}
