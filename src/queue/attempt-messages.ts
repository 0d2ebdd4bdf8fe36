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

/** How an attempt ended, as it travels. */
export type AttemptMessage =
  | Ended<Json>
  /** Its worker died, or could no longer be reached: whether another attempt follows is decided by its run. */
  | { readonly kind: "lost"; readonly why: string };

/** An end as a message; of a surprise only its words travel. */
export function attemptEnd(end: AttemptMessage): Json {
  if (end.kind === "lost") return { kind: "lost", why: end.why };
  if (end.kind === "ended") return { kind: "ended", value: end.value };
  const { error } = end;
  return { kind: "broken", error: error instanceof Error ? (error.stack ?? error.message) : String(error) };
}

export function parseEnd(body: Json): AttemptMessage {
  if (typeof body === "object" && body !== null && "kind" in body) {
    if (body.kind === "ended" && "value" in body && body.value !== undefined)
      return { kind: "ended", value: body.value };
    if (body.kind === "lost" && typeof body.why === "string") return { kind: "lost", why: body.why };
    if (body.kind === "broken" && typeof body.error === "string")
      return { kind: "broken", error: new Error(body.error) };
  }
  return { kind: "broken", error: new Error("the end of an attempt was written by another version") };
}
