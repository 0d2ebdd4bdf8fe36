import type { Digest, RunId } from "../identity/identity.ts";
import type { Actor, DeployEnd, ReleaseEvent } from "./release-event.ts";
import { NO_RENAMES, type Renames } from "./renames.ts";

/** A run that is, or was, the release of a pipeline in an environment. */
export interface Live {
  readonly run: RunId;
  /** RFC 3339 UTC. */
  readonly since: string;
  readonly by: Actor;
  readonly evidence: Digest | null;
  readonly how: "released" | "rolled-back" | "forced";
  readonly pullRequest: number | null;
  /** Of an earlier release: how its last deployment ended, where there was one. */
  readonly deployed?: DeployEnd;
  /** Of what was forced: why, and what was passed over. */
  readonly glass?: {
    readonly reason: string;
    readonly skipped: readonly string[];
  };
}

export interface Approval {
  readonly by: Actor;
  readonly at: string;
  readonly evidence: Digest | null;
  readonly cause: string;
}

export interface Hold {
  readonly by: Actor;
  readonly at: string;
  readonly reason: string;
}

/** A promotion that somebody, or an automatic environment, asked for and that has not ended. */
export interface Request {
  readonly run: RunId;
  readonly by: Actor;
  readonly at: string;
  /** Of the event that asked; another request of the same run has another. */
  readonly cause: string;
  readonly pullRequest: number | null;
  readonly approvals: readonly Approval[];
  /** Whose word does not count, or counts no more; the newest of each person, until they agree anew. */
  readonly objections: readonly Objection[];
}

export interface Objection {
  readonly by: Actor;
  readonly why: string;
}

/** Where one pipeline stands in one environment. */
export interface Standing {
  readonly live: Live | null;
  /** Earlier releases, newest first, without repetition of a run. */
  readonly earlier: readonly Live[];
  readonly hold: Hold | null;
  readonly request: Request | null;
  /** Causes of all approvals that the ledger ever had, whatever became of them. */
  readonly said: readonly string[];
  /** Numbers given to deployments so far; they only rise. */
  readonly deployments: number;
  /** Null: nothing was deployed since the live release came. */
  readonly deployed: DeployEnd | null;
  /** When that was (RFC 3339 UTC). */
  readonly deployedAt: string | null;
  /** Why it failed, where no run says so. */
  readonly deployedWhy: string | null;
}

export interface EnvironmentState {
  readonly freeze: Hold | null;
  /** By what they are called now. */
  readonly pipelines: ReadonlyMap<string, Standing>;
  readonly renames?: Renames;
}

export const NOTHING: Standing = {
  live: null,
  earlier: [],
  hold: null,
  request: null,
  said: [],
  deployments: 0,
  deployed: null,
  deployedAt: null,
  deployedWhy: null,
};

/** Environments as the ledger's events leave them, in its order; what was done under an earlier id of a pipeline is its own. */
export function foldEvents(
  events: Iterable<ReleaseEvent>,
  renames: Renames = NO_RENAMES,
): ReadonlyMap<string, EnvironmentState> {
  const states = new Map<string, { freeze: Hold | null; pipelines: Map<string, Standing>; renames: Renames }>();
  const seen = new Set<string>();
  for (const event of events) {
    const key = `${event.kind} ${event.environment} ${event.pipeline ?? ""} ${event.cause}`;
    if (seen.has(key)) continue;
    seen.add(key);
    let state = states.get(event.environment);
    if (state === undefined) states.set(event.environment, (state = { freeze: null, pipelines: new Map(), renames }));
    if (event.pipeline === null) {
      state.freeze = afterFreeze(state.freeze, event);
      continue;
    }
    const now = renames.get(event.pipeline);
    const pipeline = now ?? event.pipeline;
    const before = state.pipelines.get(pipeline) ?? NOTHING;
    state.pipelines.set(pipeline, now === undefined ? standingAfter(before, event) : inherited(before, event));
  }
  return states;
}

/** The standing of one pipeline, by any name that it had; nothing where no event named it. */
export function standingOf(state: EnvironmentState | undefined, pipeline: string): Standing {
  return state?.pipelines.get(state.renames?.get(pipeline) ?? pipeline) ?? NOTHING;
}

/** A request is for a pin under the name that it was made with: it ends with that name, and nothing agreed to it later. */
function inherited(standing: Standing, event: ReleaseEvent): Standing {
  const { request } = standing;
  return { ...standingAfter({ ...standing, request: null }, event), request };
}

function afterFreeze(freeze: Hold | null, event: ReleaseEvent): Hold | null {
  if (event.kind === "held") return { by: event.by, at: event.at, reason: event.reason ?? "" };
  return event.kind === "unheld" ? null : freeze;
}

/** Where a pipeline stands once something happened to it. */
export function standingAfter(standing: Standing, event: ReleaseEvent): Standing {
  const { run, by, at } = event;
  switch (event.kind) {
    case "requested":
      if (run === null) return standing;
      // What is live and did not get there is asked for once more: it is deployed again, by what was agreed to.
      if (standing.live?.run === run && (standing.deployed === "failed" || standing.deployed === "lost"))
        return { ...standing, deployed: null, deployedAt: null, deployedWhy: null };
      // Asking for the same run again keeps what was agreed to.
      if (standing.request?.run === run)
        return {
          ...standing,
          request: { ...standing.request, pullRequest: event.pullRequest ?? standing.request.pullRequest },
        };
      return {
        ...standing,
        request: { run, by, at, cause: event.cause, pullRequest: event.pullRequest, approvals: [], objections: [] },
      };
    case "approved":
      return withRequest(
        { ...standing, said: [...standing.said, event.cause] },
        event,
        ({ approvals, objections }) => ({
          approvals: [...others(approvals, by), { by, at, evidence: event.evidence, cause: event.cause }],
          objections: others(objections, by),
        }),
      );
    case "revoked":
      if (event.revokes === "request") return standing.request?.run === run ? { ...standing, request: null } : standing;
      return withRequest(standing, event, ({ approvals, objections }) => ({
        approvals: others(approvals, by),
        objections: event.reason === null ? objections : [...others(objections, by), { by, why: event.reason }],
      }));
    case "released":
    case "forced":
      return run === null ? standing : released(standing, event, run);
    case "rolled-back":
      if (run === null) return standing;
      return {
        ...released(standing, event, run),
        hold: { by, at, reason: event.reason ?? "rolled back" },
      };
    case "deployed":
      if (event.deployment === null) return standing;
      return {
        ...standing,
        deployments: Math.max(standing.deployments, event.deployment.number),
        ...(standing.live?.run === run && {
          deployed: event.deployment.end,
          deployedAt: at,
          deployedWhy: event.reason,
        }),
      };
    case "held":
      return { ...standing, hold: { by, at, reason: event.reason ?? "" } };
    case "unheld":
      return { ...standing, hold: null };
    case "noted":
      return standing;
    default:
      return event.kind satisfies never;
  }
}

function released(standing: Standing, event: ReleaseEvent, run: RunId): Standing {
  const { by, at: since, evidence, pullRequest } = event;
  const how = event.kind === "rolled-back" || event.kind === "forced" ? event.kind : "released";
  const { live, deployed } = standing;
  const before = live === null ? [] : [{ ...live, ...(deployed !== null && { deployed }) }];
  const earlier = [...before, ...standing.earlier].filter((one, at, all) => {
    return one.run !== run && all.findIndex((other) => other.run === one.run) === at;
  });
  return {
    ...standing,
    live: {
      run,
      since,
      by,
      evidence,
      how,
      pullRequest,
      ...(how === "forced" && {
        glass: { reason: event.reason ?? "", skipped: event.skipped ?? [] },
      }),
    },
    earlier,
    request: standing.request?.run === run || how === "rolled-back" ? null : standing.request,
    deployed: null,
    deployedAt: null,
    deployedWhy: null,
  };
}

function withRequest(
  standing: Standing,
  { run }: ReleaseEvent,
  change: (request: Request) => Pick<Request, "approvals" | "objections">,
): Standing {
  const { request } = standing;
  if (request === null || request.run !== run) return standing;
  return { ...standing, request: { ...request, ...change(request) } };
}

function others<Said extends { readonly by: Actor }>(all: readonly Said[], by: Actor): readonly Said[] {
  return all.filter((one) => !isSame(one.by, by));
}

/** Whether somebody's word was recorded once and does not stand any more: no cause is recorded twice. */
export function isSpent({ said, request }: Standing, { cause }: Pick<Approval, "cause">): boolean {
  return said.includes(cause) && request?.approvals.some((one) => one.cause === cause) !== true;
}

/** An account is its id; a login alone counts only where nobody knows the id. */
export function isSame(a: Actor, b: Actor): boolean {
  return a.id === null || b.id === null ? a.id === b.id && a.login === b.login : a.id === b.id;
}
