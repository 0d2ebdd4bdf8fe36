import type { Deploys, RunRecord } from "../run/run-record.ts";
import type { EnvironmentState, Standing } from "./environment-state.ts";
import type { DeployEnd } from "./release-event.ts";

/**
 * How a pipeline's release stands in an environment that deploys, by the ledger alone: `degraded` after a deployment that
 * failed, `unknown` after one of which nobody knows how it ended.
 */
export type Health = "empty" | "deploying" | "live" | "degraded" | "unknown";

export function healthOf({ live, deployed }: Pick<Standing, "live" | "deployed">): Health {
  if (live === null) return "empty";
  if (deployed === null) return "deploying";
  return AFTER[deployed];
}

const AFTER: Readonly<Record<DeployEnd, Health>> = { succeeded: "live", failed: "degraded", lost: "unknown" };

/**
 * The deployment that an environment wants next: of the release that has waited longest, under the next number; undefined
 * where everything that is live is deployed, well or not.
 */
export function dueDeployment(environment: string, state: EnvironmentState | undefined): Deploys | undefined {
  const pipelines = [...(state?.pipelines ?? [])];
  const [next] = pipelines
    .flatMap(([pipeline, { live, deployed }]) => (live === null || deployed !== null ? [] : [{ pipeline, live }]))
    .toSorted((a, b) => order(a.live.since, b.live.since) || order(a.pipeline, b.pipeline));
  if (next === undefined) return undefined;
  const number = Math.max(...pipelines.map(([, { deployments }]) => deployments)) + 1;
  return { environment, number, pipeline: next.pipeline, run: next.live.run };
}

function order(a: string, b: string): number {
  return a === b ? 0 : a < b ? -1 : 1;
}

/** How a deployment ended, by the record of its run. */
export function deployEnd({ status, steps }: Pick<RunRecord, "status" | "steps">): DeployEnd {
  if (status === "succeeded") return "succeeded";
  const begun = steps.some(({ attempts }) => attempts.length > 0);
  const lost = steps.some(({ outcome }) => outcome.kind === "failed" && outcome.failure.kind === "lost");
  // Stopped while a step was at it: how far that came, nobody saw.
  return lost || (begun && status !== "failed" && status !== "refused") ? "lost" : "failed";
}
