import { refused, ok, type Result } from "../result/result.ts";
import { standingOf, type EnvironmentState } from "./environment-state.ts";
import type { ReleaseEvent } from "./release-event.ts";

/** Where the remote holds what operators did while the forge was away, until the service has taken it in. */
export const OFFLINE = "refs/sluice/offline/";

/** The same, brought straight to the mirror of a service on this machine; never on a remote. */
export const OFFLINE_HERE = "refs/sluice/offline-here/";

/** Where one pipeline's rollbacks of this kind stand: a ledger of their own, which only grows. */
export function offlineRef(prefix: string, { environment, pipeline }: OfPipeline): string {
  return `${prefix}${environment}/${pipeline}`;
}

interface OfPipeline {
  readonly environment: string;
  readonly pipeline: string;
}

/**
 * What the ledger takes of events that were signed offline, oldest first: each rollback, and how its deployment ended
 * unless something was deployed here under that number or a later one. Then nobody knows by these events what is there
 * now, and the release that is live is deployed once more.
 */
export function takenIn(
  events: readonly ReleaseEvent[],
  states: ReadonlyMap<string, EnvironmentState>,
  deploying: (environment: string) => boolean,
): Result<readonly ReleaseEvent[], string> {
  const taken: ReleaseEvent[] = [];
  for (const event of events) {
    const { kind, environment, pipeline, run, deployment, cause, by } = event;
    const state = states.get(environment);
    if (pipeline === null || run === null || (kind !== "rolled-back" && kind !== "deployed"))
      return refused(`it holds \`${kind}\`, and only rollbacks with their deployments are taken in`);
    // Nobody offline speaks for what was said on the forge, nor for an account there.
    if (!cause.startsWith("offline:") || by.id !== null)
      return refused(`its \`${kind}\` names what only the forge can vouch for`);
    if (kind === "deployed") {
      const last = Math.max(0, ...[...(state?.pipelines.values() ?? [])].map(({ deployments }) => deployments));
      if (deployment !== null && deployment.number > last && !deploying(environment)) taken.push(event);
      continue;
    }
    const { live, earlier } = standingOf(state, pipeline);
    if (![live, ...earlier].some((one) => one?.run === run))
      return refused(`run \`${run}\` of \`${pipeline}\` was never live in \`${environment}\``);
    taken.push(event);
  }
  return ok(taken);
}
