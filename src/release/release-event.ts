import { createHash } from "node:crypto";

import { canonicalJson, type JsonObject } from "../identity/canonical-json.ts";
import { parseDigest, parseRunId, type Digest, type RunId } from "../identity/identity.ts";
import { cleaned, messageOf, parseTrailers, type Trailer } from "../manifest/commit-message.ts";

export const EVENT_KINDS = [
  "requested",
  "approved",
  "revoked",
  "released",
  "deployed",
  "rolled-back",
  "held",
  "unheld",
  "forced",
  "noted",
] as const;
export type EventKind = (typeof EVENT_KINDS)[number];

/** Payload type of the signature over an event. */
export const EVENT_TYPE = "application/vnd.sluice.release-event+json";

/** Who did something, as the forge names them; `id` null: Sluice itself, or somebody without an account. */
export interface Actor {
  readonly id: number | null;
  readonly login: string;
}

/** How a deployment ended; `lost`: nobody knows. */
export type DeployEnd = "succeeded" | "failed" | "lost";

/** One fact about an environment, each a signed commit of its own on the ledger. A freeze is a hold without a pipeline. */
export interface ReleaseEvent {
  readonly kind: EventKind;
  readonly environment: string;
  /** Null: the whole environment. */
  readonly pipeline: string | null;
  readonly run: RunId | null;
  /** What the person saw when they agreed. */
  readonly evidence: Digest | null;
  readonly by: Actor;
  /** What on the forge asked for it, such as `label:81`, `comment:12`, `review:7`, `run:<id>`: one cause is one event. */
  readonly cause: string;
  /** RFC 3339 UTC, from the forge's clock. */
  readonly at: string;
  readonly reason: string | null;
  readonly pullRequest: number | null;
  readonly deployment: { readonly number: number; readonly end: DeployEnd } | null;
  /** Of `revoked`: whether one person's approval or the whole request is no more. */
  readonly revokes: "approval" | "request" | null;
  /** Of `forced`: what stood against it and was passed over, in words. */
  readonly skipped?: readonly string[];
}

type Named = Pick<ReleaseEvent, "kind" | "environment" | "pipeline" | "cause">;

/** Names an event by what caused it, so that recording it twice is recording it once. */
function eventId({ kind, environment, pipeline, cause }: Named): string {
  return createHash("sha256")
    .update(canonicalJson([kind, environment, pipeline, cause]))
    .digest("hex")
    .slice(0, 32);
}

/** Directory of an environment's events that concern all its pipelines. */
const WHOLE = "_";

export function eventPath(event: Named): string {
  return `releases/${event.environment}/${event.pipeline ?? WHOLE}/${eventId(event)}.json`;
}

/** The environment of which an event stands at a path. */
export function environmentOf(path: string): string {
  return path.split("/")[1] ?? "";
}

/** Where the signature over an event stands. */
export function eventSignaturePath(path: string): string {
  return path.replace(/\.json$/, ".sig.json");
}

/** Where the event of a ledger's commit stands; undefined for commits of another kind. */
export function recordedEvent(message: string): string | undefined {
  const trailers = parseTrailers(message);
  const value = (key: string): string | undefined => trailers.get(`Sluice-${key}`)?.[0];
  const kind = EVENT_KINDS.find((one) => one === value("Event"));
  const [environment, cause] = [value("Environment"), value("Cause")];
  if (kind === undefined || environment === undefined || cause === undefined) return undefined;
  return eventPath({ kind, environment, pipeline: value("Pipeline") ?? null, cause });
}

/** Trailers of an event's commit, made from its record alone, so that verification can make them again. */
export function eventTrailers(event: ReleaseEvent): readonly Trailer[] {
  const { kind, environment, pipeline, run, evidence, by } = event;
  const trailers: Trailer[] = [
    ["Sluice-Event", kind],
    ["Sluice-Environment", environment],
  ];
  if (pipeline !== null) trailers.push(["Sluice-Pipeline", pipeline]);
  if (run !== null) trailers.push(["Sluice-Run", run]);
  if (evidence !== null) trailers.push(["Sluice-Evidence", evidence]);
  if (event.pullRequest !== null) trailers.push(["Sluice-Pull-Request", String(event.pullRequest)]);
  trailers.push([kind === "approved" ? "Sluice-Approved-By" : "Sluice-Requested-By", by.login]);
  trailers.push(["Sluice-Cause", event.cause]);
  return cleaned(trailers);
}

/** `prod/digits: approved by hubot`, with the trailers that make `git log` a query language (INTERFACES §3). */
export function eventMessage(event: ReleaseEvent): string {
  const { kind, environment, pipeline, by, reason } = event;
  const place = pipeline === null ? environment : `${environment}/${pipeline}`;
  const end = event.deployment === null ? "" : `, ${event.deployment.end}`;
  return messageOf(
    `${place}: ${kind} by ${by.login}${end}${reason === null ? "" : ` · ${reason}`}`,
    eventTrailers(event),
  );
}

/** An event as it is signed: one key signs for many repositories, and the event of one is none of another. */
export interface SignedEvent {
  /** As the forge names it for ever; null: written before events named theirs. */
  readonly repository: string | null;
  readonly event: ReleaseEvent;
}

/** An event's bytes with the signature of a key that is not the one in use here. */
export interface SignedElsewhere {
  readonly payload: Uint8Array;
  readonly envelope: Uint8Array;
  /** The Sigstore bundle beside it; absent where a key alone signed. */
  readonly bundle?: Uint8Array | undefined;
  readonly key: { readonly keyId: string; readonly pem: string };
}

export function renderEvent({ repository, event }: SignedEvent): Uint8Array {
  return new TextEncoder().encode(`${JSON.stringify({ event: 2, repository, ...event }, null, 2)}\n`);
}

/** The event, or undefined for bytes that no version of ours wrote. */
export function parseEvent(bytes: Uint8Array): SignedEvent | undefined {
  let value: JsonObject;
  try {
    value = JSON.parse(new TextDecoder().decode(bytes)) as JsonObject;
  } catch {
    return undefined;
  }
  if (typeof value !== "object" || value === null) return undefined;
  const repository = textOf(value["repository"]);
  if (value["event"] !== 1 && (value["event"] !== 2 || repository === null)) return undefined;
  const kind = EVENT_KINDS.find((one) => one === value["kind"]);
  const by = actorOf(value["by"]);
  const { environment, cause, at } = value;
  if (kind === undefined || by === undefined) return undefined;
  if (typeof environment !== "string" || typeof cause !== "string" || typeof at !== "string") return undefined;
  const event: ReleaseEvent = {
    kind,
    environment,
    pipeline: textOf(value["pipeline"]),
    run: parseRunId(textOf(value["run"]) ?? "") ?? null,
    evidence: parseDigest(textOf(value["evidence"]) ?? "") ?? null,
    by,
    cause,
    at,
    reason: textOf(value["reason"]),
    pullRequest: typeof value["pullRequest"] === "number" ? value["pullRequest"] : null,
    deployment: deploymentOf(value["deployment"]),
    revokes: value["revokes"] === "approval" || value["revokes"] === "request" ? value["revokes"] : null,
    ...skippedOf(value["skipped"]),
  };
  return { repository: value["event"] === 1 ? null : repository, event };
}

function skippedOf(value: JsonObject[string] | undefined): Pick<ReleaseEvent, "skipped"> {
  return Array.isArray(value) ? { skipped: value.flatMap((one) => textOf(one) ?? []) } : {};
}

function textOf(value: JsonObject[string] | undefined): string | null {
  return typeof value === "string" ? value : null;
}

function actorOf(value: JsonObject[string] | undefined): Actor | undefined {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return undefined;
  const { id, login } = value as JsonObject;
  return typeof login === "string" ? { id: typeof id === "number" ? id : null, login } : undefined;
}

function deploymentOf(value: JsonObject[string] | undefined): ReleaseEvent["deployment"] {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return null;
  const { number, end } = value as JsonObject;
  if (typeof number !== "number") return null;
  return end === "succeeded" || end === "failed" || end === "lost" ? { number, end } : null;
}
