import { assert, describe, it } from "@effect/vitest"
import { Arbitrary, Duration, Option, Result, Schema } from "effect"
import type { CloudStackError, Reason } from "../../src/cloudstack/Api.ts"
import { classify, classifyJob } from "../../src/cloudstack/classify.ts"

const answered = (status: number, content: unknown, envelope = "listzonesresponse") =>
  classify("listZones", status, { [envelope]: content })
const errorOf = (result: Result.Result<unknown, CloudStackError>) => {
  assert.isTrue(Result.isFailure(result))
  return Result.isFailure(result) ? result.failure : assert.fail()
}
const reasonOf = (code: number, errortext?: string, more: Record<string, unknown> = {}): Reason =>
  errorOf(answered(code, { uuidList: [], errorcode: code, ...(errortext === undefined ? {} : { errortext }), ...more }))
    .reason

describe("classify", () => {
  it("gives the content whatever the envelope is called", () => {
    for (const envelope of ["listzonesresponse", "createLBStickinessPolicy", "createnetworkaclresponse"]) {
      assert.deepStrictEqual(answered(200, { count: 1, zone: [] }, envelope), Result.succeed({ count: 1, zone: [] }))
    }
    assert.deepStrictEqual(answered(200, {}), Result.succeed({}))
  })

  it.each([
    [400, "State changing command x needs to be sent using POST request", "Refused"],
    [401, "unable to verify user credentials and/or request signature", "Unauthorised"],
    [401, "The given command 'x' either does not exist, is not available for user.", "Forbidden"],
    [430, "Unable to decode parameter tags", "Refused"],
    [431, "Invalid algorithm: random", "Refused"],
    [431, "Unable to execute API command x due to missing parameter id", "Refused"],
    [
      431,
      "Unable to execute API command x due to invalid value. Invalid parameter id value=u due to incorrect long value format, or entity does not exist or due to incorrect parameter annotation for the field in api cmd class.",
      "NotFound"
    ],
    [431, "Unable to find UUID for id [7] of type [VirtualMachine]", "NotFound"],
    [431, "unable to find a virtual machine with id 7", "NotFound"],
    [431, "Unable to find resource by uuid u and type LoadBalancer", "NotFound"],
    [432, "The API [x] does not exist or is not available for the account for user id [u].", "Forbidden"],
    [503, "Maintenance or Shutdown has been initiated on this management server.", "Unavailable"],
    [530, "Internal error executing command, please contact your system administrator", "ServerFault"],
    [530, "Caller does not have permission to operate with provided resource.", "Forbidden"],
    [530, "tag cluster already on LoadBalancer with id u", "Refused"],
    [530, "ip address is used for source nat purposes and can not be disassociated.", "Refused"],
    [530, "Insufficient address capacity", "NoCapacity"],
    [531, "Caller does not have permission to operate with provided resource.", "Forbidden"],
    [532, "Maximum number of public IP addresses for account: a has been exceeded.", "LimitReached"],
    [533, "Internal error executing command, please contact your system administrator", "NoCapacity"],
    [534, "Resource is unavailable", "ServerFault"],
    [535, "Maximum amount of resources of Type = 'x' is exceeded", "LimitReached"],
    [536, "in use", "Conflict"],
    [537, "The range specified, 80-80, conflicts with rule 3 which has 80-80", "Conflict"]
  ] as const)("%i %s is %s", (code, text, tag) => {
    assert.strictEqual(reasonOf(code, text)._tag, tag)
  })

  it("tells the command from the object where permission is missing", () => {
    assert.deepInclude(reasonOf(432, "no"), { what: "command" })
    assert.deepInclude(reasonOf(531, "no"), { what: "object" })
    assert.deepInclude(reasonOf(530, "masked", { cserrorcode: 4365 }), { what: "object" })
  })

  it("reads the wait of a throttled call, with and without brackets", () => {
    const wait = (text: string) => {
      const reason = reasonOf(429, text)
      return reason._tag === "Throttled" ? Duration.toMillis(reason.retryAfter) : assert.fail(reason._tag)
    }
    assert.strictEqual(
      wait("The given user has reached his/her account api limit, please retry after [9732] ms."),
      9732
    )
    assert.strictEqual(wait("The given user has reached his/her account api limit, please retry after 9732 ms."), 9732)
    assert.strictEqual(wait("slow down"), 1000)
  })

  it("does not take for an answer what CloudStack did not write", () => {
    for (const body of [undefined, null, "text", [], {}, { a: {}, b: {} }, { a: 1 }]) {
      assert.strictEqual(errorOf(classify("x", 200, body)).reason._tag, "Malformed")
      assert.strictEqual(errorOf(classify("x", 404, body)).reason._tag, "Malformed")
      assert.strictEqual(errorOf(classify("x", 502, body)).reason._tag, "Unavailable")
      assert.strictEqual(errorOf(classify("x", 429, body)).reason._tag, "Throttled")
    }
  })

  it.prop(
    "has an outcome for whatever arrives",
    [Arbitrary.schema(Schema.Json), Arbitrary.schema(Schema.Int)],
    ([body, status]) => {
      for (const anything of [body, { x: body }, { x: { errorcode: status, errortext: body } }]) {
        assert.isString(
          Result.match(classify("x", status, anything), { onSuccess: () => "", onFailure: (e) => e.message })
        )
      }
      if (typeof body === "object" && body !== null && !Array.isArray(body)) {
        assert.isTrue(Option.isOption(classifyJob("x", "j", { jobstatus: status, jobresult: body })))
      }
    }
  )

  it("accepts an error without a text and cuts a long one", () => {
    assert.strictEqual(reasonOf(431)._tag, "Refused")
    assert.isBelow(errorOf(answered(431, { errorcode: 431, errortext: "x".repeat(9999) })).message.length, 900)
  })

  it("finds an error under a null key and with a success status", () => {
    assert.strictEqual(
      errorOf(answered(401, { errorcode: 401, errortext: "no command" }, "null")).reason._tag,
      "Unauthorised"
    )
    assert.strictEqual(errorOf(answered(200, { errorcode: 431, errortext: "no" })).reason._tag, "Refused")
  })
})

describe("classifyJob", () => {
  const job = (fields: Record<string, unknown>) => classifyJob("assignToLoadBalancerRule", "j1", fields)

  it("is none while the job runs, whatever the object in it says", () => {
    assert.isTrue(Option.isNone(job({ jobstatus: 0 })))
    assert.deepStrictEqual(
      job({ jobstatus: 1, jobresult: { ipaddress: { id: "a", jobstatus: 0 } } }),
      Option.some(Result.succeed({ ipaddress: { id: "a", jobstatus: 0 } }))
    )
  })

  it("types a failure as a synchronous answer would be", () => {
    const reason = (fields: Record<string, unknown>) => {
      const error = errorOf(Option.getOrThrow(job({ jobstatus: 2, ...fields })))
      assert.strictEqual(error.jobId, "j1")
      return error.reason
    }
    assert.strictEqual(reason({ jobresult: { errorcode: 431, errortext: "Invalid CIDR list: x" } })._tag, "Refused")
    assert.strictEqual(
      reason({ jobresult: { errorcode: 530, errortext: "Caller does not have permission" } })._tag,
      "Forbidden"
    )
    assert.deepInclude(reason({ jobresultcode: 530 }), { _tag: "ServerFault", code: 530 })
    assert.deepInclude(reason({ jobresultcode: 0 }), { _tag: "ServerFault", code: 530 })
    assert.deepInclude(reason({ jobresult: { errorcode: 530 } }), { _tag: "ServerFault", code: 530 })
  })

  it("does not guess at an unknown status", () => {
    assert.strictEqual(errorOf(Option.getOrThrow(job({}))).reason._tag, "Malformed")
  })
})
