import type { Json, JsonObject } from "../identity/canonical-json.ts";
import {
  isOfFork,
  parseCommitSha,
  parseDigest,
  parseRunId,
  runIdOf,
  type CommitSha,
  type Digest,
  type Domain,
  type RunId,
} from "../identity/identity.ts";
import type { Pipeline } from "../pipeline/pipeline.ts";
import { isTrigger, triggerOf, type TriggerKind } from "../pipeline/trigger-kind.ts";
import type { Deploys } from "./run-record.ts";
import { groupOf, laneOf } from "./turn.ts";

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
  /** The pull request that it runs for; its merge is a run of the branch. */
  readonly pullRequest: number | null;
  readonly requestedBy: string | null;
  /** RFC 3339 UTC. */
  readonly acceptedAt: string;
  /** Runs of one group go one after another; which that wait are kept (`concurrency:`). */
  readonly group: string;
  readonly keep: "latest" | "all";
  /** Runs of one lane are about the same thing, and a newer one may supersede an older. */
  readonly lane: string;
  /** Recorded so without being executed. */
  readonly ends: "skipped" | null;
  /** Steps that are computed again whatever is there (a schedule's `refresh`). */
  readonly forced: readonly string[];
  /** Parameters of a schedule's slot. */
  readonly overrides: JsonObject;
  /** Outputs of other pipelines as they were when this was accepted, by dataset. */
  readonly pins: Readonly<Record<string, OutputPin>>;
  /** The release that it brings to an environment; null: it is no deployment. */
  readonly deploys: Deploys | null;
}

/** An output of another pipeline's run. */
export interface OutputPin {
  readonly run: RunId;
  readonly entry: "file" | "executable" | "directory";
  readonly digest: Digest;
  readonly size: number;
}

/** Everything about a run that somebody or something decides; the rest follows from it. */
export type Asked = Pick<
  RunOrder,
  | "repository"
  | "source"
  | "request"
  | "plan"
  | "domain"
  | "branch"
  | "pullRequest"
  | "requestedBy"
  | "acceptedAt"
  | "pins"
> &
  Partial<Pick<RunOrder, "ends" | "forced" | "overrides" | "keep" | "deploys">>;

/** The order of a run of a pipeline; its id and trigger follow from what asked for it. */
export function orderOf(pipeline: Pick<Pipeline, "id" | "concurrency">, asked: Asked): RunOrder {
  const deploys = asked.deploys ?? null;
  const lane = laneOf(pipeline.id, asked.domain === "main" ? { ...asked, pullRequest: null } : asked);
  // Whoever names a group in a fork makes nobody else wait.
  const concurrency = isOfFork(asked.domain) ? null : pipeline.concurrency;
  return {
    order: 1,
    id: runIdOf(asked.repository, pipeline.id, asked.source, asked.request),
    pipeline: pipeline.id,
    trigger: triggerOf(asked.request),
    lane,
    ...groupOf(concurrency, lane),
    ends: null,
    forced: [],
    overrides: {},
    ...asked,
    deploys,
    ...(deploys !== null && turnOfDeploy(deploys)),
  };
}

/** Deployments of one environment go one after another, and each of them to its end. */
function turnOfDeploy({ environment }: Deploys): Pick<RunOrder, "group" | "lane" | "keep"> {
  const group = `deploy:${environment}`;
  return { group, lane: group, keep: "all" };
}

/** What asks for the how many-th deployment to an environment. */
export function deployRequest({ environment, number }: Pick<Deploys, "environment" | "number">): string {
  return `deploy:${environment}:${number}`;
}

export function acceptedRef(id: RunId): string {
  return `${ACCEPTED}${id}`;
}

/** Where whoever accepts a run keeps its order until it is recorded; never on the remote. */
export const ORDERS = "refs/sluice/orders/";

export function orderRef(id: RunId): string {
  return `${ORDERS}${id}`;
}

export function renderOrder(order: RunOrder): Uint8Array {
  return new TextEncoder().encode(`${JSON.stringify(order, null, 2)}\n`);
}

/** The order, or undefined for bytes that no version of ours wrote. */
export function parseOrder(bytes: Uint8Array): RunOrder | undefined {
  let value: JsonObject;
  try {
    value = objectOf(JSON.parse(new TextDecoder().decode(bytes)) as Json);
  } catch {
    return undefined;
  }
  const text = (name: string): string => (typeof value[name] === "string" ? value[name] : "");
  const orNull = (name: string): string | null => (typeof value[name] === "string" ? value[name] : null);
  const id = parseRunId(text("id"));
  const source = parseCommitSha(text("source"));
  const plan = parseDigest(text("plan"));
  if (value["order"] !== 1) return undefined;
  if (id === undefined || source === undefined || plan === undefined || !isTrigger(text("trigger"))) return undefined;
  const domain = domainOf(text("domain"));
  const pullRequest = typeof value["pullRequest"] === "number" ? value["pullRequest"] : null;
  const about = { branch: orNull("branch"), pullRequest: domain === "main" ? null : pullRequest };
  const lane = orNull("lane") ?? laneOf(text("pipeline"), about);
  return {
    order: 1,
    id,
    repository: text("repository"),
    pipeline: text("pipeline"),
    source,
    request: text("request"),
    trigger: text("trigger") as TriggerKind,
    plan,
    domain,
    branch: orNull("branch"),
    pullRequest,
    requestedBy: orNull("requestedBy"),
    acceptedAt: text("acceptedAt"),
    group: orNull("group") ?? lane,
    keep: value["keep"] === "all" ? "all" : "latest",
    lane,
    ends: value["ends"] === "skipped" ? "skipped" : null,
    forced: Array.isArray(value["forced"]) ? value["forced"].filter((step) => typeof step === "string") : [],
    overrides: objectOf(value["overrides"]),
    pins: pinsOf(objectOf(value["pins"])),
    deploys: deploysOf(objectOf(value["deploys"])),
  };
}

function deploysOf({ environment, number, pipeline, run }: JsonObject): Deploys | null {
  const id = parseRunId(typeof run === "string" ? run : "");
  if (id === undefined || typeof number !== "number") return null;
  if (typeof environment !== "string" || typeof pipeline !== "string") return null;
  return { environment, number, pipeline, run: id };
}

function objectOf(value: Json | undefined): JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value) ? (value as JsonObject) : {};
}

/** Our own, by the signature over them: only their shape is looked at. */
function pinsOf(pins: JsonObject): RunOrder["pins"] {
  return Object.fromEntries(
    Object.entries(pins).flatMap(([name, pin]): [string, OutputPin][] => {
      const { run, entry, digest, size } = objectOf(pin);
      const id = parseRunId(typeof run === "string" ? run : "");
      const bytes = parseDigest(typeof digest === "string" ? digest : "");
      if (id === undefined || bytes === undefined || typeof size !== "number") return [];
      const kind = entry === "directory" || entry === "executable" ? entry : "file";
      return [[name, { run: id, entry: kind, digest: bytes, size }]];
    }),
  );
}

/** Nothing unknown is ever trusted with more than a pull request is. */
function domainOf(text: string): Domain {
  if (text === "main" || text === "local") return text;
  const fork = /^fork\/(\d+)$/.exec(text)?.[1];
  return fork === undefined ? "pr" : `fork/${Number(fork)}`;
}
