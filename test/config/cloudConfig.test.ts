import { readFileSync } from "node:fs"
import { assert, describe, it } from "@effect/vitest"
import { Arbitrary, Duration, Equal, Redacted, Result, Schema } from "effect"
import { decodeCloudConfig, type Given } from "../../src/config/cloudConfig.ts"
import { printValue } from "../../src/config/gcfg.ts"
import { KeysFromText, nameOf } from "../../src/config/keys.ts"
import type { CloudSettings } from "../../src/config/Settings.ts"

const fixture = (name: string) => readFileSync(new URL(`fixtures/${name}`, import.meta.url), "utf8")
const decode = (file: string, overrides?: ReadonlyMap<string, Given>) => decodeCloudConfig(file, overrides)
const ok = (file: string, overrides?: ReadonlyMap<string, Given>) => Result.getOrThrow(decode(file, overrides))
const problems = (file: string) => Result.getOrThrow(Result.flip(decode(file)))

const apiKey = "sdx5KfzRpYj7bqSxJd1QHzQ-zTn0vcZ_wRtV9kEXAMPLEapiKey"
const secretKey = "Lm8TzQd4b7Vw-yPEn2uH0rJcKf_aSg3oEXAMPLEsecretKey"
const least = "[Global]\napi-url = https://c.test/client/api\napi-key = a\nsecret-key = b\n"

const defaults: CloudSettings = {
  apiUrl: "https://c.test/client/api",
  credentials: { apiKey: Redacted.make("a"), secretKey: Redacted.make("b") },
  verifyTls: true,
  callTimeout: Duration.seconds(30),
  jobTimeout: Duration.minutes(5),
  rateLimit: { qps: 20, burst: 20 },
  vmCacheTtl: Duration.seconds(30),
  previousClusterIds: [],
  servicePolicy: "all",
  allowedAddresses: []
}
const assertSettings = (actual: CloudSettings, wanted: CloudSettings) =>
  assert.isTrue(Equal.equals(actual, wanted), JSON.stringify(actual))

/** A cloud-config that decodes to these settings. */
const render = ({ credentials, rateLimit, verifyTls, ...rest }: CloudSettings): string => {
  const texts = Schema.encodeSync(KeysFromText)({
    ...rest,
    ...credentials,
    sslNoVerify: !verifyTls,
    rateLimitQps: rateLimit.qps,
    rateLimitBurst: rateLimit.burst
  })
  const lines = Object.entries(texts).flatMap(([property, text]) =>
    text === undefined || text === "" ? [] : [`${nameOf(property)} = ${printValue(text)}`]
  )
  return ["[Global]", ...lines, ""].join("\n")
}

describe("cloud-config", () => {
  it("fills in the defaults", () => {
    const { settings, warnings } = ok(least)
    assertSettings(settings, defaults)
    assert.deepStrictEqual(warnings, [])
  })

  it("reads the Apache provider's", () => {
    const { settings, warnings } = ok(fixture("apache-1.2.0"))
    assertSettings(settings, {
      ...defaults,
      apiUrl: "https://cloudstack.example.com:8443/client/api",
      credentials: { apiKey: Redacted.make(apiKey), secretKey: Redacted.make(secretKey) },
      projectId: "8f5f4d9a-8a6b-4d33-9a5f-4d9b5c7d1e2f",
      zone: "Zone 1",
      region: "eu-west"
    })
    assert.deepStrictEqual(warnings, [])
  })

  it("reads Leaseweb's", () => {
    const { settings, warnings } = ok(fixture("leaseweb-1.8.1"))
    assertSettings(settings, {
      ...defaults,
      apiUrl: "https://cloud.example.net/client/api",
      credentials: { apiKey: Redacted.make(apiKey), secretKey: Redacted.make(secretKey) },
      zone: "AMS-01",
      verifyTls: false,
      rateLimit: { qps: 10, burst: 20 },
      vmCacheTtl: Duration.seconds(45),
      jobTimeout: Duration.minutes(10)
    })
    assert.strictEqual(warnings.length, 1)
    assert.include(warnings[0], "ssl-no-verify is on")
  })

  it("reads our own keys", () => {
    const { settings } = ok(
      `${least}cluster-id = prod-1\nprevious-cluster-ids = old-1, old-2\nprevious-cluster-ids = old-3
network-id = n-1\nservice-policy = Annotated\nallowed-addresses = 203.0.113.0/24, 198.51.100.7
provider-id-format = cloudstack\nacl-number-start = 100\nrate-limit-qps = 2.5\nrate-limit-burst = 5
call-timeout = 1m\njob-timeout = 90\nca-file = /etc/ca.pem\n`
    )
    assertSettings(settings, {
      ...defaults,
      clusterId: "prod-1",
      previousClusterIds: ["old-1", "old-2", "old-3"],
      networkId: "n-1",
      servicePolicy: "annotated",
      allowedAddresses: ["203.0.113.0/24", "198.51.100.7/32"],
      providerIdFormat: "cloudstack",
      aclNumberStart: 100,
      rateLimit: { qps: 2.5, burst: 5 },
      callTimeout: Duration.minutes(1),
      jobTimeout: Duration.seconds(90),
      caFile: "/etc/ca.pem"
    })
  })

  it("takes a key without = as a switch and the last of several values", () => {
    const { settings } = ok(`${least}zone = z1\nSSL-No-Verify\nzone = z2\n[GLOBAL]\nregion = r\n`)
    assert.deepInclude(settings, { verifyTls: false, zone: "z2", region: "r" })
  })

  it("takes no other key for a switch", () => {
    assert.deepStrictEqual(
      problems(`[Global]\napi-url = https://c.test/client/api\napi-key\nsecret-key ; none\nzone\n`),
      [
        "line 3: api-key: expected = and a value after the key",
        "line 4: secret-key: expected = and a value after the key",
        "line 5: zone: expected = and a value after the key"
      ]
    )
  })

  it("lets the environment win over the file, and nothing over something", () => {
    const overrides = new Map([
      ["zone", { text: "from-env", where: "CLOUDSTACK_ZONE" }],
      ["region", { text: "", where: "CLOUDSTACK_REGION" }]
    ])
    const { settings } = ok(`${least}zone = from-file\nproject-id =\n`, overrides)
    assert.strictEqual(settings.zone, "from-env")
    assert.notProperty(settings, "projectId")
    assert.notProperty(settings, "region")
  })

  it("reports every problem with line, key and reason", () => {
    assert.deepStrictEqual(
      problems(`[Global]
api-url = cloud.example.org
api-key = "unclosed
vm-cache-ttl = soon
call-timeout = -3s
job-timeout = 0
rate-limit-qps = many
rate-limit-burst = 0
ssl-no-verify = perhaps
service-policy = some
allowed-addresses = 10.0.0.0/33
provider-id-format = aws
acl-number-start = 70000
cluster-id = a:b
`),
      [
        "line 2: api-url: expected an http or https URL such as https://cloud.example.org/client/api",
        "line 3: api-key: the quote is not closed on its line",
        "line 4: vm-cache-ttl: expected a duration such as 15s, 1m30s or 300ms",
        "line 5: call-timeout: must not be negative",
        "line 6: job-timeout: expected a duration of at least 1s",
        "line 7: rate-limit-qps: expected a number of at least 0",
        "line 8: rate-limit-burst: expected a whole number of at least 1",
        "line 9: ssl-no-verify: expected true or false",
        "line 10: service-policy: expected all or annotated",
        "line 11: allowed-addresses: expected IPv4 addresses or CIDRs, separated by commas",
        "line 12: provider-id-format: expected external-cloudstack or cloudstack",
        "line 13: acl-number-start: expected a whole number from 1 to 65535",
        "line 14: cluster-id: expected letters, digits, dots, dashes and underscores, 63 at most",
        "secret-key is missing: section [Global] or environment variable CLOUDSTACK_SECRET_KEY"
      ]
    )
  })

  it("names the variable when the environment is at fault", () => {
    const overrides = new Map([["vm-cache-ttl", { text: "x", where: "CLOUDSTACK_VM_CACHE_TTL" }]])
    assert.deepStrictEqual(
      Result.flip(decode(least, overrides)),
      Result.succeed(["CLOUDSTACK_VM_CACHE_TTL: vm-cache-ttl: expected a duration such as 15s, 1m30s or 300ms"])
    )
  })

  it("warns about what it does not know, with the nearest it does", () => {
    const { warnings } = ok(`${least}zones = z\napi_rate_limit_qps = 3\nwolf = 1\n[LoadBalancer]\nfoo = bar\n`)
    assert.deepStrictEqual(warnings, [
      "line 8: unknown section, its keys are ignored: only [Global] is read",
      "line 5: unknown key zones is ignored (did you mean zone?)",
      "line 6: unknown key api_rate_limit_qps is ignored (did you mean api-rate-limit-qps?)",
      "line 7: unknown key wolf is ignored"
    ])
  })

  it("shows them beside what is missing, which may be what is misspelt", () => {
    assert.deepStrictEqual(problems("[Global]\napi-ulr = https://c.test/client/api\napi-key = a\nsecret-key = b\n"), [
      "api-url is missing: section [Global] or environment variable CLOUDSTACK_API_URL",
      "line 2: unknown key api-ulr is ignored (did you mean api-url?)"
    ])
    assert.include(
      problems(least.replace("Global", "Globl")),
      "line 1: unknown section, its keys are ignored: only [Global] is read"
    )
  })

  const broken: ReadonlyArray<string> = [
    `api-key = "${secretKey}`,
    `secret-key ${secretKey}`,
    `secret-key =\n${secretKey}`,
    `secret-key =\n${secretKey}==`,
    `secret-key = a ${secretKey}`,
    `secret-key = \\${secretKey}`,
    `secret-key = "\\${secretKey}"`,
    `api-url = https://user:${secretKey}@c.test/client/api`,
    `api-url = https://c.test/client/api?apikey=${secretKey}`,
    `vm-cache-ttl = ${secretKey}`,
    `ssl-no-verify = ${secretKey}`,
    `service-policy = ${secretKey}`,
    `cluster-id = :${secretKey}`,
    `[${secretKey}]\nx = 1`,
    `[${secretKey}\nx = 1`,
    `= ${secretKey}`
  ]
  for (const text of broken) {
    it(`never shows a secret: ${text.replaceAll(secretKey, "…")}`, () => {
      const result = decode(`[Global]\napi-key = ${secretKey}\n${text}`)
      const shown = Result.isSuccess(result) ? result.success.warnings : result.failure
      assert.isNotEmpty(shown)
      assert.notInclude(JSON.stringify([shown, result]), secretKey.slice(5, 20))
    })
  }

  const identifiers = Schema.Literals(["a", "prod-1", "x.y_z", "0"])
  const millis = Schema.Int.check(Schema.isBetween({ minimum: 1_000, maximum: 100_000_000 }))
  const generated = Arbitrary.schema(
    Schema.Struct({
      apiUrl: Schema.Literals(["https://c.test/client/api", "http://127.0.0.1:8080/client/api"]),
      apiKey: Schema.NonEmptyString.check(Schema.isPattern(/^\S+$/)),
      verifyTls: Schema.Boolean,
      callTimeout: millis,
      vmCacheTtl: millis,
      qps: Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 1_000 })),
      burst: Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: 1_000 })),
      previousClusterIds: Schema.Array(identifiers),
      servicePolicy: Schema.Literals(["all", "annotated"]),
      allowedAddresses: Schema.Array(Schema.Literals(["10.0.0.0/8", "203.0.113.7/32"])),
      caFile: Schema.optionalKey(Schema.NonEmptyString),
      zone: Schema.optionalKey(Schema.NonEmptyString),
      clusterId: Schema.optionalKey(identifiers),
      providerIdFormat: Schema.optionalKey(Schema.Literals(["external-cloudstack", "cloudstack"])),
      aclNumberStart: Schema.optionalKey(Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: 65_535 })))
    })
  ).pipe(
    Arbitrary.map(
      ({ apiKey: key, burst, callTimeout, qps, vmCacheTtl, ...rest }): CloudSettings => ({
        ...rest,
        credentials: { apiKey: Redacted.make(key), secretKey: Redacted.make(`${key}"\\#;`) },
        rateLimit: { qps: qps / 8, burst },
        callTimeout: Duration.millis(callTimeout),
        jobTimeout: Duration.millis(callTimeout),
        vmCacheTtl: Duration.millis(vmCacheTtl)
      })
    )
  )
  it.prop("decodes what is rendered", [generated], ([settings]) => {
    assertSettings(ok(render(settings)).settings, settings)
  })
})
