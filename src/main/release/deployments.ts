import { deploy } from "../../controller/deploy.ts";
import { pinsOf } from "../../controller/project.ts";
import type { Desired } from "../../forge/desired.ts";
import type { DeploymentState } from "../../forge/forge.ts";
import type { At } from "../serve/at.ts";
import { acceptAndEnqueue, freshOrders } from "../run/orders.ts";
import { logEnds, SHOWN_LINES } from "../run/log-ends.ts";
import type { Place } from "./promotion-place.ts";
import { record } from "./record-releases.ts";
import { isError } from "../../problem/problem.ts";
import type { EnvironmentSettings } from "../../pipeline/settings.ts";
import type { History, RunSummary } from "../../index/history.ts";
import { healthOf, type Health } from "../../release/deployment.ts";
import { NOTHING, type EnvironmentState } from "../../release/environment-state.ts";
import { deploymentIssue, deploymentStatus, deploymentTitle, type DeploymentView } from "../../report/deployment.ts";
import { deployRequest, orderOf, type RunOrder } from "../../run/request.ts";
import { acceptedAfter } from "../../run/turn.ts";
import type { Deploys, RunRecord } from "../../run/run-record.ts";

/** An outcome is said again this long: a crash may have left it unsaid. */
const SAID_AGAIN_MS = 3_600_000;

/**
 * Deploys what is live in the environments that deploy, one run at a time in each, and tells how that went; undefined
 * while nobody can say what is under way there. `news` are pipelines in environments (`prod/digits`) of which the ledger
 * has something only now, however old it is.
 */
export async function takeDeployments(
  at: At,
  place: Place,
  news: ReadonlySet<string>,
): Promise<readonly Desired[] | undefined> {
  const environments = place.project.settings.environments.filter((one) => one.deploy !== null);
  if (environments.length === 0) return [];
  // Before the ledger: what is recorded meanwhile is then found there.
  const fresh = await freshOrders(at, place.repository);
  if (fresh.kind !== "ok") return undefined;
  const { orders: open } = fresh;
  const states = await place.repository.releases.states();
  for (const environment of environments)
    // What stops one environment stops no other.
    await deploy(
      {
        recorded: (request) => recordedOf(place, request),
        order: (deploys) => orderFor(place, environment, { deploys, states, open }),
        start: async (order) => void (await acceptAndEnqueue(at, place.repository, order)),
        record: (events) => record(place, events),
      },
      {
        environment: environment.name,
        state: states.get(environment.name),
        open,
        at: new Date(place.now).toISOString(),
      },
    ).catch(at.service.parts.onError);
  return tellDeployments({ at, place, news }, environments, await place.repository.releases.states());
}

interface Recorded {
  readonly repository: {
    readonly history: Pick<History, "record"> & {
      runs(asked: { readonly request: string }): readonly Pick<RunSummary, "id" | "status">[];
    };
  };
  readonly runs: Pick<Place["runs"], "isSigned">;
}

/** The run that made what a request asks for; anybody who can push could have put another one on the ledger. */
export async function recordedOf({ repository, runs }: Recorded, request: string): Promise<RunRecord | undefined> {
  for (const { id, status } of repository.history.runs({ request }))
    if (status !== "superseded") {
      // Before its signature: one that cannot be read was made all the same, and is not made once more.
      const record = await repository.history.record(id);
      if (await runs.isSigned(id)) return record;
    }
  return undefined;
}

/** The deploy pipeline with the artifacts of a run, or why it has no plan. */
export async function planDeployment(
  { repository, project, tip }: Place,
  { deploy: path }: EnvironmentSettings,
  released: RunRecord["id"],
): Promise<DeployPlan> {
  const file = project.pipelines.find((one) => one.path === path);
  if (file === undefined) return { refused: `\`${path ?? ""}\` is not there or has problems: \`sluice validate\`` };
  const as = { pipeline: file.pipeline.id, forced: [], overrides: {}, pins: null, released };
  return planned(await repository.planAt({ commit: tip, tree: null, domain: "main", against: null, as }));
}

type PlannedCommit = Awaited<ReturnType<Place["repository"]["planAt"]>>;
type Planned = PlannedCommit["planned"][number];
/** What a deployment would run, or why nothing. */
export type DeployPlan = { readonly plan: Planned } | { readonly refused: string };

async function planned(commit: PlannedCommit): Promise<DeployPlan> {
  const [plan] = commit.planned;
  const problem = plan?.problems.find(isError);
  if (problem !== undefined) return { refused: `${problem.at.path}: ${problem.message}; ${problem.next}` };
  return plan === undefined || plan.order === null ? { refused: "it has no plan" } : { plan };
}

async function orderFor(
  place: Place,
  environment: EnvironmentSettings,
  {
    deploys,
    states,
    open,
  }: {
    readonly deploys: Deploys;
    readonly states: ReadonlyMap<string, EnvironmentState>;
    readonly open: readonly RunOrder[];
  },
): Promise<RunOrder | { readonly refused: string }> {
  const found = await planDeployment(place, environment, deploys.run);
  if ("refused" in found) return found;
  const { file, order, datasets } = found.plan;
  if (order === null) return { refused: "it has no plan" };
  const standing = states.get(environment.name)?.pipelines.get(deploys.pipeline) ?? NOTHING;
  return orderOf(file.pipeline, {
    repository: String(place.repository.forge.repository.id),
    source: place.tip,
    request: deployRequest(deploys),
    plan: order.digest,
    domain: "main",
    branch: place.branch,
    pullRequest: null,
    requestedBy: standing.live?.by.login ?? null,
    acceptedAt: acceptedAfter(place.now, open),
    pins: pinsOf(datasets),
    deploys,
  });
}

async function tellDeployments(
  { at, place, news }: { readonly at: At; readonly place: Place; readonly news: ReadonlySet<string> },
  environments: readonly EnvironmentSettings[],
  states: ReadonlyMap<string, EnvironmentState>,
): Promise<readonly Desired[]> {
  const told: Desired[] = [];
  for (const { name } of environments) {
    for (const [pipeline, standing] of states.get(name)?.pipelines ?? []) {
      const { live, earlier, deployments, deployedWhy: why } = standing;
      const health = healthOf(standing);
      if (live === null || health === "empty") continue;
      const badly = health === "degraded" || health === "unknown";
      const ended = badly ? await endedAs(at, place, { environment: name, number: deployments }) : null;
      const view = { environment: name, pipeline, health, live, earlier, deployments, ended, why };
      // While it is tried again nothing is known yet.
      if (view.health !== "deploying") told.push({ kind: "issue", ...deploymentIssue(view) });
      const { deployedAt } = standing;
      const said = !news.has(`${name}/${pipeline}`);
      if (said && deployedAt !== null && place.now - Date.parse(deployedAt) > SAID_AGAIN_MS) continue;
      told.push(...(await checkOf(place, view)));
      told.push(...(await shownAs(place, view, STATES[view.health])));
    }
  }
  return told;
}

const STATES: Readonly<Record<Exclude<Health, "empty">, DeploymentState>> = {
  deploying: "in_progress",
  live: "success",
  degraded: "failure",
  unknown: "error",
};

/** What people are told of a deployment that did not end well. */
async function endedAs(
  at: At,
  place: Place,
  of: Pick<Deploys, "environment" | "number">,
): Promise<DeploymentView["ended"]> {
  const record = await recordedOf(place, deployRequest(of)).catch(at.service.parts.onError);
  if (!record) return null;
  const ends = await logEnds(at.service.parts.store, record);
  const [failed] = record.steps.flatMap(({ name: step, outcome }) =>
    outcome.kind === "failed"
      ? [{ step, failure: outcome.failure, tail: (ends.get(step) ?? []).slice(-SHOWN_LINES) }]
      : [],
  );
  return { run: record.id, failed: failed ?? null };
}

/** The check of the promotion that was merged goes on with its deployment. */
async function checkOf({ repository }: Place, view: DeploymentView): Promise<readonly Desired[]> {
  if (view.live.pullRequest === null) return [];
  const asked = await repository.forge.pullRequest(view.live.pullRequest);
  if (asked.kind !== "ok") return [];
  const { conclusion, ...status } = deploymentStatus(view);
  return [
    {
      kind: "check",
      check: {
        head: asked.value.head.sha,
        name: `sluice / promote (${view.environment})`,
        status: conclusion === null ? "in_progress" : "completed",
        conclusion,
        ...status,
        text: "",
        annotations: [],
        actions: [],
        externalId: view.live.evidence ?? view.live.run,
      },
    },
  ];
}

/** The forge's page of deployments, for people: what counts stands in the ledger. */
async function shownAs(
  place: Place,
  view: Pick<DeploymentView, "environment" | "pipeline" | "live">,
  state: DeploymentState,
): Promise<readonly Desired[]> {
  const { environment, pipeline, live } = view;
  const run = await place.runs.run(live.run);
  if (run === undefined) return [];
  const deployment = { ref: run.source, environment, pipeline };
  return [{ kind: "deployment", deployment, state, description: deploymentTitle(view) }];
}

/** Being released is being live where nothing else deploys. */
export async function tellReleased(
  place: Place,
  states: ReadonlyMap<string, EnvironmentState>,
  news: ReadonlySet<string>,
): Promise<readonly Desired[]> {
  const told: Desired[] = [];
  for (const { name: environment, deploy } of place.project.settings.environments) {
    if (deploy !== null) continue;
    for (const [pipeline, { live }] of states.get(environment)?.pipelines ?? []) {
      if (live === null) continue;
      if (news.has(`${environment}/${pipeline}`) || place.now - Date.parse(live.since) <= SAID_AGAIN_MS)
        told.push(...(await shownAs(place, { environment, pipeline, live }, "success")));
    }
  }
  return told;
}
