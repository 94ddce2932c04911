import { assert, describe, it } from "@effect/vitest"
import { Duration } from "effect"
import { abouts, type Flags } from "../../../src/cli/flags/Flags.ts"
import { helpText } from "../../../src/cli/flags/help.ts"
import { parseFlags } from "../../../src/cli/flags/parse.ts"

const controllers =
  "cloud-node-controller, cloud-node-lifecycle-controller, node-route-controller, service-lb-controller"
const least = "--cloud-provider=external-cloudstack"
const flags = (...args: ReadonlyArray<string>): Flags => {
  const parsed = parseFlags([least, ...args])
  if (parsed._tag !== "Run") throw new Error(JSON.stringify(parsed))
  return parsed.flags
}
const problems = (...args: ReadonlyArray<string>): ReadonlyArray<string> => {
  const parsed = parseFlags(args)
  return parsed._tag === "Problems" ? parsed.problems : []
}

describe("arguments of real manifests", () => {
  const manifests: Readonly<Record<string, ReadonlyArray<string>>> = {
    "Apache, deployment.yaml": [
      "--leader-elect=true",
      "--cloud-provider=external-cloudstack",
      "--cloud-config=/config/cloud-config"
    ],
    "Leaseweb, deployment.yaml": [
      "--leader-elect=true",
      "--cloud-provider=cloudstack",
      "--cloud-config=/config/cloud-config"
    ],
    "Leaseweb, Helm chart": [
      "--v=2",
      "--cloud-config=/etc/config/cloud.conf",
      "--cloud-provider=cloudstack",
      "--cluster-name=kubernetes",
      "--controllers=cloud-node,cloud-node-lifecycle,route,service",
      "--bind-address=127.0.0.1",
      "--leader-elect=false"
    ],
    "CloudStack Kubernetes Service": [
      "--leader-elect=true",
      "--cloud-provider=external-cloudstack",
      "--cloud-config=/config/cloud-config",
      "--allocate-node-cidrs=true",
      "--use_service_account_credentials=true",
      "--configure-cloud-routes=false",
      "--logtostderr=true"
    ]
  }
  for (const [name, args] of Object.entries(manifests)) {
    it(name, () => assert.strictEqual(parseFlags(args)._tag, "Run"))
  }
})

describe("flags", () => {
  it("have upstream's defaults", () => {
    const all = flags()
    assert.deepInclude(all, {
      "cloud-config": "",
      "cluster-name": "kubernetes",
      "concurrent-service-syncs": 10,
      "concurrent-node-syncs": 1,
      "concurrent-node-status-updates": 0,
      "kube-api-qps": 20,
      "kube-api-burst": 30,
      controllers: ["*"],
      "leader-elect": true,
      "leader-elect-resource-name": "cloud-controller-manager",
      "leader-elect-resource-namespace": "kube-system",
      "bind-address": "0.0.0.0",
      "secure-port": 10_258,
      "logging-format": "text",
      v: 0,
      "dry-run": false,
      "load-balancer-class": "",
      "authorization-always-allow-paths": ["/healthz", "/readyz", "/livez"]
    })
    assert.strictEqual(Duration.toMillis(all["resync-period"]), 600_000)
    assert.strictEqual(Duration.toMillis(all["leader-elect-lease-duration"]), 15_000)
    assert.strictEqual(Duration.toMillis(all["node-monitor-period"]), 5_000)
    assert.strictEqual(Duration.toMillis(all["node-status-update-frequency"]), 300_000)
  })

  const cases: ReadonlyArray<readonly [ReadonlyArray<string>, Partial<Flags>]> = [
    [["-v=4"], { v: 4 }],
    [["-v", "4"], { v: 4 }],
    [["-v4"], { v: 4 }],
    [["--v", "4"], { v: 4 }],
    [["--cluster_name=x"], { "cluster-name": "x" }],
    [["--cluster-name", "x"], { "cluster-name": "x" }],
    [["--cluster-name", "--x"], { "cluster-name": "--x" }],
    [["--cluster-name="], { "cluster-name": "" }],
    [["--cluster-name=a=b"], { "cluster-name": "a=b" }],
    [["--cluster-name=a", "--cluster-name=b"], { "cluster-name": "b" }],
    [["--leader-elect"], { "leader-elect": true }],
    [["--leader-elect=F"], { "leader-elect": false }],
    [["--dry_run=True"], { "dry-run": true }],
    [["--dry-run=1"], { "dry-run": true }],
    [["--controllers=service,-route"], { controllers: ["service", "-route"] }],
    [["--controllers=service", "--controllers", "cloud-node"], { controllers: ["service", "cloud-node"] }],
    [["--feature-gates=AllAlpha=true,AllBeta=false"], { "feature-gates": ["AllAlpha=true", "AllBeta=false"] }],
    [["--kube-api-qps=2.5"], { "kube-api-qps": 2.5 }],
    [["--secure-port=0"], { "secure-port": 0 }],
    [["--bind-address=::"], { "bind-address": "::" }],
    [["--leader-elect=false", "--leader-elect-resource-lock=endpoints"], { "leader-elect": false }],
    [["--webhooks=*"], { webhooks: ["*"] }],
    [["--load-balancer-class=example.org/cloudstack"], { "load-balancer-class": "example.org/cloudstack" }]
  ]
  for (const [args, wanted] of cases) {
    it(args.join(" "), () => assert.deepInclude(flags(...args), wanted))
  }

  it("gives durations in Go's syntax", () => {
    assert.strictEqual(Duration.toMillis(flags("--resync-period=1h2m3s")["resync-period"]), 3_723_000)
  })
})

describe("what is wrong with arguments", () => {
  const cases: ReadonlyArray<readonly [ReadonlyArray<string>, ReadonlyArray<string>]> = [
    [[], ["--cloud-provider cannot be empty: external-cloudstack or cloudstack"]],
    [
      ["--cloud-provider=external"],
      ['unknown cloud provider "external": --cloud-provider is external-cloudstack or cloudstack']
    ],
    [[least, "--leader-elct=true"], ["unknown flag: --leader-elct (did you mean --leader-elect?)"]],
    [[least, "--quux", "value"], ["unknown flag: --quux"]],
    [[least, "-leader-elect=true"], ["unknown flag: -leader-elect (did you mean --leader-elect?)"]],
    [[least, "-x"], ["unknown flag: -x"]],
    [[least, "--leader-elect", "false"], ['unexpected argument "false": write --leader-elect=false']],
    [[least, "start"], ['unexpected argument "start": only flags are taken']],
    [[least, "--", "-v=2"], ['unexpected argument "-v=2": only flags are taken']],
    [[least, "--cluster-name"], ["flag needs an argument: --cluster-name"]],
    [[least, "--leader-elect=yes"], ['invalid argument "yes" for --leader-elect: expected true or false']],
    [
      [least, "--resync-period=10"],
      ['invalid argument "10" for --resync-period: expected a duration such as 15s, 1m30s or 300ms']
    ],
    [[least, "--resync-period=-1m"], ['invalid argument "-1m" for --resync-period: must not be negative']],
    [[least, "--resync-period=0s"], ['invalid argument "0s" for --resync-period: expected a duration of at least 1s']],
    [
      [least, "--concurrent-service-syncs=0"],
      ['invalid argument "0" for --concurrent-service-syncs: expected a whole number from 1 to 1000']
    ],
    [
      [least, "--concurrent-node-syncs=-1"],
      ['invalid argument "-1" for --concurrent-node-syncs: expected a whole number from 1 to 1000']
    ],
    [
      [least, "--secure-port=65536"],
      ['invalid argument "65536" for --secure-port: expected a whole number from 0 to 65535']
    ],
    [[least, "--bind-address=localhost"], ['invalid argument "localhost" for --bind-address: expected an IP address']],
    [[least, "--logging-format=xml"], ['invalid argument "xml" for --logging-format: expected text or json']],
    [[least, "--controllers=*,foo"], [`--controllers: "foo" is not in the list of known controllers: ${controllers}`]],
    [
      [least, "--controllers=-servise"],
      [`--controllers: "servise" is not in the list of known controllers: ${controllers} (did you mean service?)`]
    ],
    [
      [least, "--leader-elect-resource-lock=endpoints"],
      ['resourceLock value must be "leases" (--leader-elect-resource-lock)']
    ],
    [
      [least, "--leader-elect-lease-duration=10s"],
      ["--leader-elect-…: leaseDuration must be greater than renewDeadline"]
    ],
    [
      [least, "--leader-elect-renew-deadline=2s"],
      ["--leader-elect-…: renewDeadline must be greater than retryPeriod*JitterFactor"]
    ],
    [[least, "--leader-elect-retry-period=0s"], ["--leader-elect-…: retryPeriod must be greater than zero"]],
    [[least, "--webhook-secure-port=10258"], ["--webhook-secure-port and --secure-port must differ"]],
    [
      [least, "--master=:bad"],
      ['invalid argument ":bad" for --master: expected a URL or host:port, such as https://10.0.0.1:6443']
    ],
    [[least, "--webhooks=foo"], ['"foo" is not in the list of known webhooks']],
    [[least, "--feature-gates=AllAlfa=true"], ["unrecognized feature gate: AllAlfa (did you mean AllAlpha?)"]],
    [[least, "--feature-gates=AllAlpha"], ["--feature-gates: missing bool value for AllAlpha"]],
    [[least, "--feature-gates=AllAlpha=2"], ["--feature-gates: invalid value of AllAlpha: expected true or false"]],
    [[least, "--vmodule=a=2", "--logging-format=json"], ["--vmodule is only possible with --logging-format=text"]],
    [[least, "--vmodule=a"], ['--vmodule: "a" is not of the form pattern=N']],
    [[least, "--tls-cert-file=/c"], ["--tls-cert-file and --tls-private-key-file belong together"]],
    [
      [least, "--load-balancer-class=a b"],
      ["--load-balancer-class must be a label name such as example.org/cloudstack"]
    ]
  ]
  for (const [args, wanted] of cases) {
    it(args.join(" ") || "nothing", () => assert.deepStrictEqual(problems(...args), wanted))
  }

  it("is reported all at once", () => {
    assert.deepStrictEqual(problems("--foo=1", "bar", "-v=x", "--controllers=nope"), [
      "unknown flag: --foo",
      'unexpected argument "bar": only flags are taken',
      'invalid argument "x" for --v: expected a whole number from 0 to 100',
      "--cloud-provider cannot be empty: external-cloudstack or cloudstack",
      `--controllers: "nope" is not in the list of known controllers: ${controllers}`
    ])
  })
})

describe("help and version", () => {
  it("win over everything else", () => {
    assert.deepStrictEqual(parseFlags(["--foo", "--help"]), { _tag: "Help" })
    assert.deepStrictEqual(parseFlags(["-h"]), { _tag: "Help" })
    assert.deepStrictEqual(parseFlags(["--version"]), { _tag: "Version" })
    assert.deepStrictEqual(parseFlags(["--version=raw"]), { _tag: "Version" })
    assert.strictEqual(parseFlags([least, "--version=false"])._tag, "Run")
  })

  it("shows every flag once", () => {
    const shown = [...helpText().matchAll(/^ {2}(?:-\w,| {3}) --([a-z0-9-]+)/gm)].map(([, name]) => name)
    assert.deepStrictEqual(shown.toSorted(), [...abouts.keys(), "help", "version"].toSorted())
  })
})
