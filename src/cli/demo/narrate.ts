/** Tells what happens as it happens: Events on one side, what is asked of CloudStack on the other. */
import { Console, Effect, Ref, Schedule, Stream } from "effect"
import { type LogEntry, Simulator } from "../../cloudstack/memory/Simulator.ts"
import { KubeMemory } from "../../kubernetes/memory/KubeMemory.ts"

const reads = /^(list|get|query)/

const shown = ["publicport", "protocol", "cidrlist", "startport", "algorithm", "virtualmachineids", "ipaddress"]

const commandLine = ({ command, errorText, parameters }: LogEntry): string => {
  const details = shown.flatMap((name) => (parameters[name] === undefined ? [] : `${name}=${parameters[name]}`))
  return `  CloudStack  ${command} ${details.join(" ")}${errorText === undefined ? "" : `: ${errorText}`}`
}

/** Each further mutation that CloudStack is asked for, as a line. */
export const narrateCloud = Effect.gen(function* () {
  const simulator = yield* Simulator
  const seen = yield* Ref.make(0)
  const next = Effect.gen(function* () {
    const log = yield* simulator.log
    const from = yield* Ref.getAndSet(seen, log.length)
    const changes = log.slice(from).filter(({ command }) => !reads.test(command))
    yield* Effect.forEach(changes, (entry) => Console.log(commandLine(entry)), { discard: true })
  })
  return yield* Effect.repeat(next, Schedule.spaced("50 millis"))
})

/** Each Event of the in-memory cluster, as a line. */
export const narrateEvents = Effect.gen(function* () {
  const memory = yield* KubeMemory
  const seen = yield* Ref.make(0)
  const next = Effect.gen(function* () {
    const events = yield* memory.events
    const from = yield* Ref.getAndSet(seen, events.length)
    const lines = Stream.fromIterable(events.slice(from)).pipe(
      Stream.map(({ kind, message, name, reason }) => `  Event       ${kind} ${name}: ${reason}: ${message}`)
    )
    yield* Stream.runForEach(lines, Console.log)
  })
  return yield* Effect.repeat(next, Schedule.spaced("50 millis"))
})
