/** `cloudstack-ccm simulate`: an in-memory CloudStack that starts from a world file and answers over HTTP. */
import * as NodeServices from "@effect/platform-node/NodeServices"
import { Console, Effect, FileSystem, Layer, Option } from "effect"
import * as Cli from "effect/cli/Command"
import * as Flag from "effect/cli/Flag"
import { Listener, layerHttp } from "../cloudstack/memory/http.ts"
import { layer } from "../cloudstack/memory/layer.ts"
import { reasonOf } from "../config/load.ts"
import { duration, integer } from "../config/text.ts"
import { type Command, CommandError } from "./Command.ts"
import { version } from "./version.ts"

const time = (name: string, fallback: string, description: string) =>
  Flag.String(name).pipe(
    Flag.withSchema(duration()),
    Flag.withMetavar("duration"),
    Flag.withDescription(`${description}, such as 300ms (default ${fallback})`),
    Flag.optional
  )

const flags = {
  world: Flag.String("world").pipe(
    Flag.withMetavar("file"),
    Flag.withDescription("World file (JSON): the zones, accounts, networks and VMs to start with")
  ),
  port: Flag.String("port").pipe(
    Flag.withSchema(integer(0, 65_535)),
    Flag.withMetavar("number"),
    Flag.withDescription("Port to listen on; 0 takes a free one"),
    Flag.withDefault(8080)
  ),
  bind: Flag.String("bind").pipe(
    Flag.withMetavar("address"),
    Flag.withDescription("Address to listen on"),
    Flag.withDefault("127.0.0.1")
  ),
  pushTime: time("push-time", "0s", "How long a virtual router takes for one change"),
  createTime: time(
    "create-time",
    "0s, with locks 100ms",
    "How long a call takes that creates a rule or acquires an address"
  ),
  locks: Flag.Boolean("locks").pipe(
    Flag.withDescription("Lock addresses and accounts as the real server does, where a waiter looks again every 5 s"),
    Flag.withDefault(false)
  )
}

const refuse = (message: string) => new CommandError({ message, exitCode: 1 })

const simulate = Cli.make(
  "simulate",
  flags,
  Effect.fnUntraced(function* ({ bind, createTime, locks, port, pushTime, world }) {
    const files = yield* FileSystem.FileSystem
    const text = yield* files
      .readFileString(world)
      .pipe(Effect.mapError((error) => refuse(`--world: can not read ${world}: ${reasonOf(error)}`)))
    const timing = {
      locks,
      ...Option.match(createTime, { onNone: () => ({}), onSome: (createTime) => ({ createTime }) }),
      ...Option.match(pushTime, { onNone: () => ({}), onSome: (pushTime) => ({ pushTime }) })
    }
    const server = layerHttp({ bind, port }).pipe(Layer.provide(layer(text, timing)))
    const announced = Layer.effectDiscard(Effect.flatMap(Listener, ({ url }) => Console.log(`listening on ${url}`)))
    yield* Layer.launch(announced.pipe(Layer.provide(server))).pipe(
      Effect.catchTag("WorldError", ({ message }) => refuse(`--world ${world}: ${message}`)),
      Effect.catchTag("ListenError", ({ message }) => refuse(`--bind ${bind} --port ${port}: ${message}`))
    )
  })
).pipe(Cli.withDescription("Run an in-memory CloudStack. It also serves GET /world, GET /log and POST /faults."))

export const command: Command = (args) =>
  Cli.runWith(simulate, { version })(args).pipe(Effect.provide(NodeServices.layer))
