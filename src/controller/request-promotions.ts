import type { Answer, Forge, LabelEvent, PullRequest } from "../forge/forge.ts";
import type { RunId } from "../identity/identity.ts";
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

/**
 * Finds what is asked for and not on the ledger yet: labels that stand on the pull requests of the newest runs, put
 * there by somebody who may ask, and automatic environments. A label is a request and nothing more (law 10).
 */
export async function requestPromotions(ports: RequestPorts, order: RequestOrder): Promise<readonly ReleaseEvent[]> {
  const events: ReleaseEvent[] = [];
  for (const environment of order.environments) {
    for (const newest of order.newest) {
      const standing = standingOf(order.states.get(environment.name), newest.pipeline);
      if (standing.live?.run === newest.run || standing.request?.run === newest.run) continue;
      const asked = environment.auto
        ? { by: { id: null, login: "sluice" }, cause: `run:${newest.run}` }
        : await labelOf(ports, environment.name, newest.pullRequests);
      if (asked !== undefined) events.push(requested(environment.name, newest, { ...asked, at: order.at }));
    }
  }
  return events;
}

async function labelOf(
  { forge, mayPromote }: RequestPorts,
  environment: string,
  pullRequests: readonly PullRequest[],
): Promise<{ readonly by: Actor; readonly cause: string } | undefined> {
  const label = `promote:${environment}`;
  for (const { number, labels } of pullRequests.filter(({ merged }) => merged)) {
    if (!labels.includes(label)) continue;
    const events = await forge.labelEvents(number);
    if (events.kind !== "ok") continue;
    const added = standingLabel(events.value, label);
    if (added === undefined || added.actor.bot) continue;
    const may = await mayPromote(added.actor.login);
    if (may.kind !== "ok" || !may.value) continue;
    return { by: { id: added.actor.id, login: added.actor.login }, cause: `label:${added.id}` };
  }
  return undefined;
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
