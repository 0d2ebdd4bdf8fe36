import { type Executable } from "../../controller/run-accepted.ts";
import { runPipeline, type RunEnd } from "../../controller/run-pipeline/run-pipeline.ts";
import { progressOf } from "./progress.ts";
import type { StepProgress } from "../../run/step-progress.ts";
import { paramsOf, stageCommit } from "../../controller/stage-commit.ts";
import { type ForgeRepository } from "../serve/forge-repository.ts";
import { encodeAttempt, type StagedJob } from "../../controller/attempt-payload.ts";
import { orderSecrets } from "../../controller/secret-order.ts";
import { datasetsOf } from "./datasets.ts";
import { describeSteps } from "./fair-share.ts";
import { flightsOf } from "./flights.ts";
import { withListings } from "../local/listings.ts";
import { measured } from "./measured.ts";
import type { Narrowed } from "../../pipeline/narrow.ts";
import type { Step } from "../../pipeline/pipeline.ts";
import { grantStep, type Granted } from "../../policy/grants.ts";
import { capacityFor, UNBOUNDED } from "../../scheduling/capacity.ts";
import { roomOf } from "../../scheduling/step-room.ts";
import type { Dispatcher } from "../../queue/dispatcher.ts";
import { routedDispatcher } from "../../queue/routed-dispatcher.ts";
import { fairDispatcher } from "../../queue/fair-dispatcher.ts";
import { asNow } from "../../queue/correlation.ts";
import { stagingDispatcher } from "../../queue/staging-dispatcher.ts";
import { endedUnseen, type StepEnd, type StepJob } from "../../run/step-job.ts";
import { type RunOrder } from "../../run/request.ts";
import type { Service, ServiceParts } from "../serve/parts.ts";

/** Hands the steps of a planned run to the workers that may have them, and tells how it ended. */
export async function executeRun(
  parts: ServiceParts,
  repository: ForgeRepository,
  { run, stop }: { readonly run: Executable; readonly stop: Parameters<Service["run"]>[2] },
): Promise<RunEnd> {
  const { clock } = parts;
  const { order, planned } = run;
  const rules = await repository.rules();
  const grants = new Map(
    planned.order.steps.map(({ name, step }) => [name, rules === undefined ? ASK_LATER : grantOf(rules, order, step)]),
  );
  const pools = new Set([...grants.values()].flatMap((grant) => (grant.kind === "granted" ? [grant.name] : [])));
  stop.onBegin({ order, steps: planned.order.steps.map(({ name }) => name), pools: [...pools] });
  const onProgress = progressOf(planned.order.steps.length, (progress, event) => stop.onProgress(progress, event));
  const routes = await openPools(parts, repository, { run, pools, grants, onProgress });
  const routed = routedDispatcher(routes, (job: StepJob) => {
    const grant = grants.get(job.step.name) ?? ASK_LATER;
    if (grant.kind === "granted") return { kind: "to", name: grant.name };
    return { kind: "ended", end: endedUnseen(job, grant, clock.now()) };
  });
  const dispatcher = measured(withListings(routed, parts.store), parts);
  try {
    return await runPipeline(
      { dispatcher, clock },
      {
        order: planned.order,
        forecast: planned.forecast,
        facts: planned.facts,
        forced: new Set(run.order.forced),
        keepGoing: false,
        // What no worker has ever offered is refused; while none has been seen, anything may come.
        capacityOf({ name, step }) {
          const grant = grants.get(name);
          return grant?.kind === "granted"
            ? capacityFor(parts.pool(grant.name).largest, roomOf(step, null))
            : UNBOUNDED;
        },
        room: UNBOUNDED,
        gateOf: run.gateOf,
        onProgress,
        signal: stop.signal,
        left: stop.left,
      },
    );
  } finally {
    await dispatcher[Symbol.asyncDispose]();
  }
}

type Grants = ReadonlyMap<string, Granted>;

interface Opening {
  readonly run: Executable;
  readonly grants: Grants;
  readonly onProgress: (event: StepProgress) => void;
}

/** An attempt of a step that was granted secrets carries the signed order to read them; their values never travel. */
async function withSecrets(parts: ServiceParts, attempt: StagedJob, grants: Grants): Promise<StagedJob> {
  const { run, job } = attempt;
  const grant = grants.get(job.step.name);
  if (grant?.kind !== "granted" || grant.secrets.length === 0) return attempt;
  const granted = { run, step: job.step.name, key: job.key, secrets: grant.secrets };
  return { ...attempt, secretOrder: await orderSecrets(parts, encodeAttempt(attempt), granted) };
}

/** Without the default branch's rules nothing is granted. */
const ASK_LATER = {
  kind: "refused",
  why: "the settings of the default branch could not be read",
  next: "try again with /sluice retry",
} as const;

/** What the rules of this moment grant a step of an accepted run. */
function grantOf(rules: Narrowed, order: RunOrder, step: Step): Granted {
  return grantStep(rules, step, { pipeline: order.pipeline, trigger: order.trigger, domain: order.domain });
}

/** All of them or none: where one cannot be opened now, the run is taken up again. */
async function openPools(
  parts: ServiceParts,
  repository: ForgeRepository,
  { pools, ...opening }: Opening & { readonly pools: ReadonlySet<string> },
): Promise<ReadonlyMap<string, Dispatcher<StepJob, StepEnd>>> {
  const routes = new Map<string, Dispatcher<StepJob, StepEnd>>();
  try {
    for (const pool of pools) routes.set(pool, await openPool(parts, repository, { ...opening, pool }));
    return routes;
  } catch (error) {
    await Promise.allSettled(Array.from(routes.values(), (route) => route[Symbol.asyncDispose]()));
    throw error;
  }
}

/** Attempts of a run on their way to one pool: made ready, waiting for their turn, handed to its workers. */
async function openPool(
  parts: ServiceParts,
  repository: ForgeRepository,
  { run, pool, grants, onProgress }: Opening & { readonly pool: string },
): Promise<Dispatcher<StepJob, StepEnd>> {
  const { store, clock } = parts;
  const { order, planned } = run;
  const at = repository.view(order.source);
  const turns = parts.pool(pool);
  const inner = await parts.dispatcher(order.id, pool);
  const bringDataset = datasetsOf(parts, order.domain);
  const attemptOf = ({ id }: StepJob): string => `${order.id}-${id}`;
  const staging = stagingDispatcher(inner, async (job: StepJob) => {
    const staged = await stageCommit({ store, view: at, bringDataset }, planned, job);
    if ("kind" in staged) return { kind: "ended", end: endedUnseen(job, staged, clock.now()) };
    const { id: run, domain, requestedBy, deploys } = order;
    const params = paramsOf(planned, job.step.step);
    const grant = grants.get(job.step.name);
    const sandbox = grant?.kind === "granted" ? grant.sandbox : "require";
    const asked = { run, domain, requestedBy, deploys, sandbox, secretOrder: null };
    const attempt = { id: attemptOf(job), ...asked, job, staged, params };
    return { kind: "ready", job: await withSecrets(parts, attempt, grants) };
  });
  // Turns are given by the pool, which knows no run: what follows from one belongs to this run again.
  const here = asNow();
  const mine: typeof staging = {
    ...staging,
    dispatch: (job) =>
      here(() => {
        // It has a slot now, and a worker takes it as soon as its inputs are there.
        onProgress({ kind: "started", step: job.step, attempt: job.attempt, cause: job.cause });
        staging.dispatch(job);
      }),
  };
  return fairDispatcher<StepJob, StepEnd>(mine, {
    pool: turns,
    describe: describeSteps(run),
    flights: flightsOf(parts, order.domain),
    ended: (job) => inner.knows(attemptOf(job)),
    handed: (job) => inner.handed(attemptOf(job)),
    cancelled: () => ({ kind: "cancelled", attempt: null }),
  });
}
