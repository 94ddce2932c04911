import { assert, describe, it } from "@effect/vitest"
import { admits, canonicalText, contains, formatCidr, intersect, isIpv6, parseCidr } from "../../src/domain/Cidr.ts"
import { readSources, type SourceFields } from "../../src/domain/SourceRanges.ts"

const own = (text: string) => ({ name: "…-source-cidrs", text })
const read = (over: Partial<SourceFields>) =>
  readSources({ specRanges: [], standard: undefined, own: undefined, ...over })
const allowed = (over: Partial<SourceFields>) => {
  const sources = read(over)
  return sources._tag === "Allowed" ? sources.cidrs : sources.refusal.cause
}

describe("readSources", () => {
  it.each<[string, Partial<SourceFields>, ReadonlyArray<string>]>([
    ["nothing said is everybody", {}, ["0.0.0.0/0"]],
    ["the spec", { specRanges: ["192.0.2.0/24", "10.0.0.0/8"] }, ["10.0.0.0/8", "192.0.2.0/24"]],
    [
      "the spec wins over the standard annotation",
      { specRanges: ["10.0.0.0/8"], standard: "192.0.2.0/24" },
      ["10.0.0.0/8"]
    ],
    ["the standard annotation", { standard: " 192.0.2.0/24 , 10.0.0.0/8" }, ["10.0.0.0/8", "192.0.2.0/24"]],
    [
      "our annotation, by commas or blanks",
      { own: own("192.0.2.0/24 10.0.0.0/8,10.1.0.0/16") },
      ["10.0.0.0/8", "10.1.0.0/16", "192.0.2.0/24"]
    ],
    [
      "our annotation, over several lines",
      { own: own("\n10.0.0.0/8\n\t192.0.2.0/24,\n198.51.100.1\n") },
      ["10.0.0.0/8", "192.0.2.0/24", "198.51.100.1/32"]
    ],
    ["both: what is in both", { specRanges: ["10.0.0.0/8"], own: own("10.1.0.0/16, 192.0.2.0/24") }, ["10.1.0.0/16"]],
    [
      "everybody in one place leaves the other",
      { specRanges: ["0.0.0.0/0"], own: own("192.0.2.0/24") },
      ["192.0.2.0/24"]
    ],
    ["host bits and repetitions vanish", { specRanges: ["10.1.2.3/8", "10.0.0.0/8"] }, ["10.0.0.0/8"]],
    ["IPv6 is split off", { specRanges: ["2001:db8::/32", "10.0.0.0/8"] }, ["10.0.0.0/8"]]
  ])("%s", (_, fields, expected) => assert.deepStrictEqual(allowed(fields), expected))

  it.each<[string, Partial<SourceFields>, RegExp]>([
    ["a blank annotation", { own: own("  ") }, /blank/],
    ["a blank standard annotation", { standard: "" }, /blank/],
    ["a typo", { specRanges: ["10.0.0.0/33"] }, /"10\.0\.0\.0\/33" is not a network/],
    ["a name", { own: own("office") }, /"office"/],
    ["nothing in common", { specRanges: ["10.0.0.0/8"], own: own("192.0.2.0/24") }, /no source is in both/],
    ["a port instead of a length", { own: own("10.0.0.0/8,10.0.0.0:80") }, /"10\.0\.0\.0:80" is not a network/],
    ["an IPv6 network that is none", { own: own("10.0.0.0/8,2001:db8::/129") }, /"2001:db8::\/129" is not a network/],
    ["only IPv6", { specRanges: ["2001:db8::/32"] }, /only IPv6/]
  ])("refuses %s, never opens", (_, fields, cause) => assert.match(String(allowed(fields)), cause))

  it("names the field that is wrong", () => {
    const sources = read({ specRanges: ["x"], own: own("10.0.0.0/8") })
    assert.strictEqual(sources._tag === "Invalid" ? sources.refusal.field : "", "spec.loadBalancerSourceRanges")
  })
})

describe("Cidr", () => {
  it("parses what CloudStack accepts and nothing else", () => {
    const texts = [
      "10.0.0.0/8",
      "10.0.0.1",
      "0.0.0.0/0",
      "255.255.255.255/32",
      "256.0.0.0/8",
      "10.0.0/8",
      "10.0.0.0/",
      "01.0.0.0/8",
      ""
    ]
    assert.deepStrictEqual(
      texts.map((text) => {
        const cidr = parseCidr(text)
        return cidr === undefined ? undefined : formatCidr(cidr)
      }),
      [
        "10.0.0.0/8",
        "10.0.0.1/32",
        "0.0.0.0/0",
        "255.255.255.255/32",
        undefined,
        undefined,
        undefined,
        undefined,
        undefined
      ]
    )
  })

  it.each([
    "::",
    "::1",
    "2001:db8::/32",
    "2001:DB8::1/128",
    "1:2:3:4:5:6:7:8",
    "::ffff:192.0.2.1",
    "1:2:3:4:5:6:192.0.2.1",
    " ::/0 "
  ])("knows %j as IPv6", (text) => assert.isTrue(isIpv6(text)))
  it.each([
    "",
    "192.0.2.1",
    "10.0.0.0:80",
    ":",
    "1:2",
    "1:2:3:4:5:6:7",
    "1:2:3:4:5:6:7:8:9",
    "1::2::3",
    "1:2:3:4:5:6:7::8",
    "12345::",
    "g::",
    "::1/129",
    "::1/64/64",
    "::/",
    "::192.0.2"
  ])("does not take %j for IPv6", (text) => assert.isFalse(isIpv6(text)))

  it("tells nested from disjoint networks", () => {
    const [wide, narrow, other] = ["10.0.0.0/8", "10.1.0.0/16", "192.0.2.0/24"].flatMap((text) => parseCidr(text) ?? [])
    assert(wide !== undefined && narrow !== undefined && other !== undefined)
    assert.deepStrictEqual(
      [contains(wide, narrow), contains(narrow, wide), contains(wide, other)],
      [true, false, false]
    )
    assert.deepStrictEqual(intersect([wide, other], [narrow]), [narrow])
    assert.isTrue(admits(["0.0.0.0/0"], "192.0.2.0/24"))
    assert.isFalse(admits(["192.0.2.0/25"], "192.0.2.0/24"))
  })

  it("compares lists as sets, whatever joined them", () => {
    assert.deepStrictEqual(canonicalText(["192.0.2.0/24", "10.0.0.0/8", "10.0.0.0/8"]), ["10.0.0.0/8", "192.0.2.0/24"])
  })
})
