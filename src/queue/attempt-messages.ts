import type { Json } from "../identity/canonical-json.ts";
import type { RunId } from "../identity/identity.ts";
import type { Ended } from "./dispatcher.ts";

/** What a dispatcher writes into a pool's queue: the encoded job, and where its end is awaited. */
export interface QueuedAttempt {
  readonly topic: string;
  readonly job: Json;
}

/** Where the ends of a run's attempts are published; drop it when the run is recorded. */
export function endsTopic(run: RunId): string {
  return `ends.${run}`;
}

/** The table of a pool's attempts that were asked to stop. */
export function cancelFlags(pool: string): string {
  return `cancel.${pool}`;
}

export function parseAttempt(payload: Json): QueuedAttempt | undefined {
  if (typeof payload !== "object" || payload === null || !("topic" in payload) || !("job" in payload)) return undefined;
  const { topic, job } = payload;
  return typeof topic === "string" && job !== undefined ? { topic, job } : undefined;
}

/** An end as a message; of a surprise only its words travel. */
export function attemptEnd(end: Ended<Json>): Json {
  if (end.kind === "ended") return { kind: "ended", value: end.value };
  const { error } = end;
  return { kind: "broken", error: error instanceof Error ? (error.stack ?? error.message) : String(error) };
}

export function parseEnd(body: Json): Ended<Json> {
  if (typeof body === "object" && body !== null && "kind" in body) {
    if (body.kind === "ended" && "value" in body && body.value !== undefined)
      return { kind: "ended", value: body.value };
    if (body.kind === "broken" && typeof body.error === "string")
      return { kind: "broken", error: new Error(body.error) };
  }
  return { kind: "broken", error: new Error("the end of an attempt was written by another version") };
}
