/** `listTags`: told apart by what they are on, since every question is about one key and value. */
import { Schema } from "effect"
import { listOf } from "./wire.ts"

const Wire = Schema.Struct({ id: Schema.String }).pipe(Schema.encodeKeys({ id: "resourceid" }))

export const bearers = listOf("tag", Wire, (tag) => tag)
