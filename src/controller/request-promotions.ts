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

export interface RequestPorts {
  readonly forge: Pick<Forge, "labelEvents">;
  /** Whether an account may ask for a release at this moment. */
  readonly mayPromote: (login: string) => Promise<Answer<boolean>>;
}

export interface RequestOrder {
  readonly environments: readonly EnvironmentSettings[];
  readonly states: ReadonlyMap<string, EnvironmentState>;
  readonly newest: readonly Newest[];
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
}

/**
 * Finds what is asked for and not on the ledger yet: labels that stand on the pull requests of the newest runs, put
 * there by somebody who may ask, and automatic environments. A label is a request and nothing more (law 10).
 */
export async function requestPromotions(ports: RequestPorts, order: RequestOrder): Promise<Requested> {
  const events: ReleaseEvent[] = [];
  const refused = [...unknownLabels(order)];
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
  return { events, refused };
}

const LABEL = "promote:";

/** Labels of environments that are not there. */
function unknownLabels({ environments, newest }: RequestOrder): readonly RefusedLabel[] {
  const names = environments.map(({ name }) => name);
  const pulls = new Map(newest.flatMap(({ pullRequests }) => pullRequests).map((pull) => [pull.number, pull]));
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

/** Anybody may name a label, and words of ours may hold code. */
function named(label: string): string {
  return `the label \`${label.replaceAll("`", "'")}\``;
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
