import { deployEnd, dueDeployment } from "../release/deployment.ts";
import type { EnvironmentState } from "../release/environment-state.ts";
import type { DeployEnd, ReleaseEvent } from "../release/release-event.ts";
import { deployRequest, type RunOrder } from "../run/request.ts";
import type { Deploys, RunRecord } from "../run/run-record.ts";

export interface DeployPorts {
  /** The run that made, or tried to make, what a request asks for; undefined: there is none on the ledger. */
  readonly recorded: (request: string) => Promise<RunRecord | undefined>;
  /** The order of a deployment as the default branch has its pipeline now, or why there can be none. */
  readonly order: (deploys: Deploys) => Promise<RunOrder | { readonly refused: string }>;
  /** Accepts a run and hands it to the queue. */
  readonly start: (order: RunOrder) => Promise<void>;
  readonly record: (events: readonly ReleaseEvent[]) => Promise<void>;
}

export interface DeployOrder {
  readonly environment: string;
  readonly state: EnvironmentState | undefined;
  /** Accepted and not recorded, read before the ledger was. */
  readonly open: readonly RunOrder[];
  /** RFC 3339 UTC, from the forge's clock. */
  readonly at: string;
}

/**
 * Brings an environment that deploys one step nearer to what is live in it: the next deployment is accepted once nothing
 * else is under way there, and how it ended is recorded. What is due follows from the ledger, so that asking twice is
 * asking once.
 */
export async function deploy(ports: DeployPorts, { environment, state, open, at }: DeployOrder): Promise<void> {
  if (open.some(({ deploys }) => deploys?.environment === environment)) return;
  const due = dueDeployment(environment, state);
  if (due === undefined) return;
  const ran = await ports.recorded(deployRequest(due));
  if (ran !== undefined) {
    const made = ran.deploys ?? due;
    await ports.record([deployed(made, { end: deployEnd(ran), cause: `run:${ran.id}`, at, reason: null })]);
    return;
  }
  const order = await ports.order(due);
  if ("id" in order) return ports.start(order);
  await ports.record([deployed(due, { end: "failed", cause: deployRequest(due), at, reason: order.refused })]);
}

function deployed(
  { environment, number, pipeline, run }: Deploys,
  how: { readonly end: DeployEnd; readonly cause: string; readonly at: string; readonly reason: string | null },
): ReleaseEvent {
  return {
    kind: "deployed",
    environment,
    pipeline,
    run,
    evidence: null,
    by: { id: null, login: "sluice" },
    cause: how.cause,
    at: how.at,
    reason: how.reason,
    pullRequest: null,
    deployment: { number, end: how.end },
    revokes: null,
  };
}
