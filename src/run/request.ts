import type { JsonObject } from "../identity/canonical-json.ts";
import {
  parseCommitSha,
  parseDigest,
  parseRunId,
  type CommitSha,
  type Digest,
  type Domain,
  type RunId,
} from "../identity/identity.ts";
import type { TriggerKind } from "./run-record.ts";

/** Where the request of an accepted run stands: one create-only ref each, gone when the run is recorded. */
export const ACCEPTED = "refs/sluice/runs/";
export const REQUEST_FILE = "request.json";
export const REQUEST_SIGNATURE = "request.sig.json";
/** Payload type of the signature over a request. */
export const ORDER_TYPE = "application/vnd.sluice.run-order+json";

/** What was asked for, to the letter: the commit that accepts a run holds this and a signature over it (SEMANTICS §6). */
export interface RunOrder {
  readonly order: 1;
  readonly id: RunId;
  readonly repository: string;
  readonly pipeline: string;
  readonly source: CommitSha;
  /** `push:<branch>`, `comment:<id>` …: a part of the id. */
  readonly request: string;
  readonly trigger: TriggerKind;
  /** Digest of the work order that was accepted. */
  readonly plan: Digest;
  readonly domain: Domain;
  readonly branch: string | null;
  readonly pullRequest: number | null;
  readonly requestedBy: string | null;
  /** RFC 3339 UTC. */
  readonly acceptedAt: string;
}

export function acceptedRef(id: RunId): string {
  return `${ACCEPTED}${id}`;
}

export function renderOrder(order: RunOrder): Uint8Array {
  return new TextEncoder().encode(`${JSON.stringify(order, null, 2)}\n`);
}

const TRIGGERS: readonly string[] = [
  "push",
  "pull-request",
  "schedule",
  "command",
  "retry",
  "upstream",
  "backfill",
  "deploy",
  "local",
];

/** The order, or undefined for bytes that no version of ours wrote. */
export function parseOrder(bytes: Uint8Array): RunOrder | undefined {
  let value: JsonObject;
  try {
    value = JSON.parse(new TextDecoder().decode(bytes)) as JsonObject;
  } catch {
    return undefined;
  }
  const text = (name: string): string => (typeof value[name] === "string" ? value[name] : "");
  const orNull = (name: string): string | null => (typeof value[name] === "string" ? value[name] : null);
  const id = parseRunId(text("id"));
  const source = parseCommitSha(text("source"));
  const plan = parseDigest(text("plan"));
  if (typeof value !== "object" || value === null || value["order"] !== 1) return undefined;
  if (id === undefined || source === undefined || plan === undefined || !TRIGGERS.includes(text("trigger")))
    return undefined;
  return {
    order: 1,
    id,
    repository: text("repository"),
    pipeline: text("pipeline"),
    source,
    request: text("request"),
    trigger: text("trigger") as TriggerKind,
    plan,
    domain: domainOf(text("domain")),
    branch: orNull("branch"),
    pullRequest: typeof value["pullRequest"] === "number" ? value["pullRequest"] : null,
    requestedBy: orNull("requestedBy"),
    acceptedAt: text("acceptedAt"),
  };
}

/** Nothing unknown is ever trusted with more than a pull request is. */
function domainOf(text: string): Domain {
  if (text === "main" || text === "local") return text;
  const fork = /^fork\/(\d+)$/.exec(text)?.[1];
  return fork === undefined ? "pr" : `fork/${Number(fork)}`;
}
