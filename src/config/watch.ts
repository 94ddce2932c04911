/** `Settings` that follow their files: a rotated Secret is read, tried with one call, and only then used. */
import { dirname } from "node:path"
import { Effect, FileSystem, Layer, Schedule, Stream, SubscriptionRef } from "effect"
import { type ConfigError, filesOf, type Loaded, loadCloudConfig, type Source } from "./load.ts"
import { type CloudSettings, Settings } from "./Settings.ts"

/** What became of a change. Texts are safe to show. */
export type Reload =
  | { readonly _tag: "Accepted"; readonly warnings: ReadonlyArray<string> }
  | { readonly _tag: "Refused"; readonly reason: string }

export interface Watching {
  readonly source: Source
  /** One call with the new settings; they are used only if it succeeds. */
  readonly tryCall: (settings: CloudSettings) => Effect.Effect<void, { readonly message: string }>
  /** Told once per change, and once per different reason while the change can not be used. */
  readonly report: (reload: Reload) => Effect.Effect<void>
}

/**
 * Starts with what the files say now, untried: a CloudStack that is down at start is waited for elsewhere. While a
 * change can not be used the old settings stay, and it is tried again each minute.
 */
export const layerWatching = (
  { report, source, tryCall }: Watching,
  first: Loaded
): Layer.Layer<Settings, never, FileSystem.FileSystem> =>
  Layer.effect(
    Settings,
    Effect.gen(function* () {
      const fs = yield* FileSystem.FileSystem
      const current = yield* SubscriptionRef.make(first)
      let complaint: string | undefined

      const complain = (reason: string) => {
        if (complaint === reason) return Effect.void
        complaint = reason
        return report({ _tag: "Refused", reason })
      }
      const look = Effect.gen(function* () {
        const loaded = yield* loadCloudConfig(source)
        if (loaded.fingerprint === (yield* SubscriptionRef.get(current)).fingerprint) {
          complaint = undefined
          return
        }
        yield* tryCall(loaded.settings)
        complaint = undefined
        yield* SubscriptionRef.set(current, loaded)
        yield* report({ _tag: "Accepted", warnings: loaded.warnings })
      }).pipe(
        Effect.catch((error: ConfigError | { readonly message: string }) => complain(error.message)),
        Effect.catchCause((cause) => Effect.logError("looking for changed settings failed", cause)),
        Effect.provideService(FileSystem.FileSystem, fs)
      )

      const directories = new Set(filesOf(source, first.settings.caFile).map((file) => dirname(file)))
      // A kubelet swaps the link `..data`: only the directory sees that. Writes come in bursts, hence the pause.
      const events = Stream.mergeAll(
        [...directories].map((directory) =>
          fs
            .watch(directory)
            .pipe(
              Stream.catch(({ message }) =>
                Stream.fromEffectDrain(Effect.logWarning("settings are polled, not watched", { directory, message }))
              )
            )
        ),
        { concurrency: "unbounded" }
      ).pipe(Stream.debounce("200 millis"))
      if (directories.size > 0) {
        yield* Stream.fromSchedule(Schedule.spaced("1 minute")).pipe(
          Stream.merge(events),
          Stream.runForEach(() => look),
          Effect.forkScoped({ startImmediately: true })
        )
      }
      return Settings.of({
        current: Effect.map(SubscriptionRef.get(current), ({ settings }) => settings),
        changes: SubscriptionRef.changes(current).pipe(Stream.map(({ settings }) => settings))
      })
    })
  )
