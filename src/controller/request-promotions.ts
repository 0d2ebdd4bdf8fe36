import type { Answer, Forge, LabelEvent, PullRequest } from "../forge/forge.ts";
import { isNotNow } from "../forge/looked.ts";
import type { RunId } from "../identity/identity.ts";
import { closest } from "../problem/suggest.ts";
import type { EnvironmentSettings } from "../pipeline/settings.ts";
import { standingOf, type EnvironmentState } from "../release/environment-state.ts";
import type { Actor, ReleaseEvent } from "../release/release-event.ts";

/** A pipeline's newest run that may be promoted, with the pull requests whose merge it ran for. */
export interface Newest {
  readonly pipeline: string;
  readonly run: RunId;
  readonly pullRequests: readonly PullRequest[];
}

/** A merged pull request with a label, whose pipelines' newest runs are of later changes: the label asks for nothing. */
export interface LateChange {
  readonly pullRequest: PullRequest;
  readonly newest: readonly Pick<Newest, "pipeline" | "run">[];
  /** Pipelines that ran for it, and none of whose runs for it or later can be promoted. */
  readonly failed: readonly string[];
  /** When the last of the newest ended (RFC 3339 UTC). */
  readonly since: string;
  /** Runs of its own that may be promoted. */
  readonly own: readonly Pick<Newest, "pipeline" | "run">[];
}

export interface RequestPorts {
  readonly forge: Pick<Forge, "labelEvents">;
  /** Whether an account may ask for a release at this moment. */
  readonly mayPromote: (login: string) => Promise<Answer<boolean>>;
}

export interface RequestOrder {
  readonly environments: readonly EnvironmentSettings[];
  readonly states: ReadonlyMap<string, EnvironmentState>;
  readonly newest: readonly Newest[];
  readonly late: readonly LateChange[];
  /** Pull requests with labels that were merged into other branches, and whose changes are not on the default one. */
  readonly elsewhere: readonly PullRequest[];
  /** The default branch. */
  readonly branch: string;
  /** Events of the ledger. */
  readonly recorded: readonly Pick<ReleaseEvent, "kind" | "environment" | "cause">[];
  /** RFC 3339 UTC, from the forge's clock. */
  readonly at: string;
}

/** A label that asks for nothing, and why: it is taken off, and whoever put it there is told. */
export interface RefusedLabel {
  readonly pullRequest: PullRequest;
  readonly label: string;
  /** A sentence in which backticks mark code. */
  readonly words: string;
}

export interface Requested {
  readonly events: readonly ReleaseEvent[];
  readonly refused: readonly RefusedLabel[];
  /** Pull requests whose labels were all decided on. */
  readonly decided: readonly number[];
}

/**
 * Finds what is asked for and not on the ledger yet: labels that stand on the pull requests of the newest runs, put
 * there by somebody who may ask, and automatic environments. A label is a request and nothing more (law 10).
 */
export async function requestPromotions(ports: RequestPorts, order: RequestOrder): Promise<Requested> {
  const events: ReleaseEvent[] = [];
  const late = await lateLabels(ports.forge, order);
  const refused = [...unknownLabels(order), ...late.refused, ...elsewhereLabels(order)];
  for (const environment of order.environments) {
    for (const newest of order.newest) {
      const standing = standingOf(order.states.get(environment.name), newest.pipeline);
      if (standing.live?.run === newest.run || standing.request?.run === newest.run) continue;
      const asked = environment.auto
        ? { kind: "asked" as const, by: { id: null, login: "sluice" }, cause: `run:${newest.run}`, refused: [] }
        : await labelOf(ports, environment.name, newest.pullRequests);
      refused.push(...asked.refused);
      if (asked.kind === "asked") events.push(requested(environment.name, newest, { ...asked, at: order.at }));
    }
  }
  return { events, refused, decided: [...late.decided, ...order.elsewhere.map(({ number }) => number)] };
}

const LABEL = "promote:";

/** Labels of environments that are not there. */
function unknownLabels({ environments, newest, late }: RequestOrder): readonly RefusedLabel[] {
  const names = environments.map(({ name }) => name);
  const all = [...newest.flatMap(({ pullRequests }) => pullRequests), ...late.map(({ pullRequest }) => pullRequest)];
  const pulls = new Map(all.map((pull) => [pull.number, pull]));
  return [...pulls.values()].flatMap((pullRequest) =>
    pullRequest.labels
      .filter((label) => pullRequest.merged && label.startsWith(LABEL) && !names.includes(label.slice(LABEL.length)))
      .map((label) => {
        const meant = closest(label.slice(LABEL.length), names);
        const next = meant === undefined ? `there are ${names.join(", ")}` : `did you mean \`${LABEL}${meant}\`?`;
        return { pullRequest, label, words: `${named(label)} names no environment, and is taken off: ${next}` };
      }),
  );
}

/** Labels on changes that nothing runs for which may be released. */
function elsewhereLabels({ elsewhere, branch }: RequestOrder): readonly RefusedLabel[] {
  return elsewhere.flatMap((pullRequest) => {
    const why = `it asks for a run of ${branchName(branch)}, and this change was merged into ${branchName(pullRequest.base.branch)}`;
    const next = `put it on the pull request that brings the change to ${branchName(branch)}`;
    return pullRequest.labels
      .filter((label) => label.startsWith(LABEL))
      .map((label) => ({
        pullRequest,
        label,
        words: `${named(label)} asks for nothing, and is taken off: ${why}; ${next}`,
      }));
  });
}

/** Labels that came once their change was not the newest, and asked for nothing while it was. */
async function lateLabels(
  forge: RequestPorts["forge"],
  { environments, states, late, recorded }: RequestOrder,
): Promise<Pick<Requested, "refused" | "decided">> {
  const refused: RefusedLabel[] = [];
  const decided: number[] = [];
  for (const change of late) {
    const { pullRequest, own, since } = change;
    const labelled = environments.filter(({ name }) => pullRequest.labels.includes(`${LABEL}${name}`));
    const events = labelled.length === 0 ? undefined : await forge.labelEvents(pullRequest.number);
    if (isNotNow(events)) continue;
    decided.push(pullRequest.number);
    for (const { name: environment } of labelled) {
      const label = `${LABEL}${environment}`;
      const added = events?.kind === "ok" ? standingLabel(events.value, label) : undefined;
      const cause = `label:${added?.id ?? 0}`;
      const asked = recorded.some(
        (event) => event.kind === "requested" && event.environment === environment && event.cause === cause,
      );
      // It may have come while its run was there already, by another word.
      const there = own.some((one) => wasThere(states.get(environment), one));
      if (added === undefined || asked || (there && Date.parse(added.at) < Date.parse(since))) continue;
      refused.push({ pullRequest, label, words: lateWords(environment, change, added.actor.login) });
    }
  }
  return { refused, decided };
}

function wasThere(state: EnvironmentState | undefined, { pipeline, run }: LateChange["own"][number]): boolean {
  const { live, earlier, request } = standingOf(state, pipeline);
  return [live, request, ...earlier].some((one) => one?.run === run);
}

function lateWords(environment: string, { newest, failed, own }: LateChange, login: string): string {
  const promote = (words: string): string => `\`/sluice promote ${environment} ${words}\``;
  const some = newest.slice(0, 3);
  const ofNewest = some.map(({ pipeline }) => promote(pipeline)).join(", ");
  const ofOwn = own.slice(0, 3).map(({ pipeline, run }) => promote(`${pipeline} ${run.slice(0, 8)}`));
  const names = some.map(({ pipeline }) => `\`${pipeline}\``).join(", ");
  const why = `a label asks for the newest run, and that of ${names} is of a later change`;
  const next = `comment ${ofNewest} for that one${ofOwn.length === 0 ? "" : `, or ${ofOwn.join(", ")} for this change's own`}`;
  const retry = failed
    .slice(0, 3)
    .map(
      (pipeline) =>
        `; no run of \`${pipeline}\` for this change can be promoted: \`/sluice retry\`, then ${promote(pipeline)}`,
    )
    .join("");
  return `${named(`${LABEL}${environment}`)} by ${login} asks for nothing, and is taken off: ${why}; ${next}${retry}`;
}

/** Anybody may name a label, and words of ours may hold code. */
function named(label: string): string {
  return `the label \`${label.replaceAll("`", "'")}\``;
}

function branchName(branch: string): string {
  return `\`${branch.replaceAll("`", "'")}\``;
}

type Labelled = { readonly refused: readonly RefusedLabel[] } & (
  | { readonly kind: "asked"; readonly by: Actor; readonly cause: string }
  | { readonly kind: "nothing" }
);

async function labelOf(
  { forge, mayPromote }: RequestPorts,
  environment: string,
  pullRequests: readonly PullRequest[],
): Promise<Labelled> {
  const label = `${LABEL}${environment}`;
  const refused: RefusedLabel[] = [];
  for (const pullRequest of pullRequests.filter(({ merged, labels }) => merged && labels.includes(label))) {
    const events = await forge.labelEvents(pullRequest.number);
    if (events.kind !== "ok") continue;
    const added = standingLabel(events.value, label);
    if (added === undefined) continue;
    const { id, login, bot } = added.actor;
    const may = bot ? undefined : await mayPromote(login);
    if (isNotNow(may)) continue;
    if (may?.kind === "ok" && may.value)
      return { kind: "asked", by: { id, login }, cause: `label:${added.id}`, refused };
    const why = bot ? "a bot does not ask for releases" : "this account may not promote";
    const words = `${named(label)} by ${login} asks for nothing, and is taken off: ${why}; somebody who may puts it there again, or comments \`/sluice promote ${environment}\``;
    refused.push({ pullRequest, label, words });
  }
  return { kind: "nothing", refused };
}

/** The event by which a label stands; undefined where it was taken off since. */
function standingLabel(events: readonly LabelEvent[], label: string): LabelEvent | undefined {
  const last = events.findLast((event) => event.label === label);
  return last?.added === true ? last : undefined;
}

function requested(
  environment: string,
  { pipeline, run }: Newest,
  { by, cause, at }: { readonly by: Actor; readonly cause: string; readonly at: string },
): ReleaseEvent {
  return {
    kind: "requested",
    environment,
    pipeline,
    run,
    evidence: null,
    by,
    cause,
    at,
    reason: null,
    pullRequest: null,
    deployment: null,
    revokes: null,
  };
}
