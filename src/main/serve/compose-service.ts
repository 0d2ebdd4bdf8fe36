import { cpus, totalmem } from "node:os";
import { join } from "node:path";

import type { Clock } from "../../clock/clock.ts";
import { acceptRun, type Accepted } from "../../controller/accept-run.ts";
import { lostOrders, openOrders } from "../../controller/open-orders.ts";
import { recordRun } from "../../controller/record-run.ts";
import { runAccepted, type Executable } from "../../controller/run-accepted.ts";
import { runPipeline, type RunEnd } from "../../controller/run-pipeline/run-pipeline.ts";
import type { StepProgress } from "../../run/step-progress.ts";
import { progressOf, type Progress } from "../run/progress.ts";
import { paramsOf, stageCommit } from "../../controller/stage-commit.ts";
import type { Forges } from "../../forge/forge.ts";
import { isOfFork, type CommitSha, type RunId } from "../../identity/identity.ts";
import type { RepositoryRef } from "../../identity/repository.ts";
import { forgeRepository, type ForgeRepository } from "./forge-repository.ts";
import { encodeAttempt, type StagedJob } from "../../controller/attempt-payload.ts";
import { orderSecrets } from "../../controller/secret-order.ts";
import { datasetsOf } from "../run/datasets.ts";
import { withBegun } from "../run/begun.ts";
import { largestOf, UNBOUNDED } from "../run/capacity.ts";
import { describeSteps } from "../run/fair-share.ts";
import { flightsOf } from "../run/flights.ts";
import { withListings } from "../local/listings.ts";
import { tellForged } from "../run/forged.ts";
import { measured } from "../run/measured.ts";
import type { Tracing } from "./tracing.ts";
import type { Narrowed } from "../../pipeline/narrow.ts";
import type { Step } from "../../pipeline/pipeline.ts";
import { grantStep, type Granted } from "../../policy/grants.ts";
import type { Dispatcher } from "../../queue/dispatcher.ts";
import { routedDispatcher } from "../../queue/routed-dispatcher.ts";
import { fairDispatcher } from "../../queue/fair-dispatcher.ts";
import type { FairPool } from "../../queue/fair-pool.ts";
import type { Leases } from "../../queue/queue.ts";
import type { QueueDispatcher } from "../../queue/queue-dispatcher.ts";
import { asNow } from "../../queue/correlation.ts";
import type { Operator } from "../../pipeline/operator.ts";
import { stagingDispatcher } from "../../queue/staging-dispatcher.ts";
import type { RunRecord } from "../../run/run-record.ts";
import { endedUnseen, type StepEnd, type StepJob } from "../../run/step-job.ts";
import { acceptedRef, orderRef, type RunOrder } from "../../run/request.ts";
import type { SpendWrites } from "../../scheduling/write-budget.ts";
import type { Signer } from "../../signer/signer.ts";
import type { BegunAttempts } from "../../store/begun-attempts.ts";
import type { Collector } from "../../store/s3-collect.ts";
import type { Store } from "../../store/store.ts";
import type { StepMetrics } from "../../web/step-metrics.ts";

export interface ServiceParts {
  readonly forges: Forges;
  readonly clock: Clock;
  readonly store: Store;
  /** Housekeeping, where the store is the service's to keep. */
  readonly collector?: Collector;
  /** What workers began, whatever became of it. */
  readonly begun: BegunAttempts;
  /** Whose turn it is in a pool of workers. */
  readonly pool: (name: string) => Pick<FairPool, "open" | "largest">;
  readonly leases: Leases;
  /** One budget of content writes for the outbox and for what promotions write. */
  readonly spend: SpendWrites;
  readonly onError: (error: unknown) => void;
  readonly tracing: Tracing;
  readonly steps: StepMetrics;
  /** Hands a run's attempts to the workers. */
  readonly dispatcher: (run: RunId, pool: string) => Promise<QueueDispatcher<StagedJob, StepEnd>>;
  readonly signer: Signer;
  /** SLUICE_DATA. */
  readonly data: string;
  /** The git binary. */
  readonly program: string;
  readonly ledger: string;
  readonly variable: (name: string) => string | undefined;
  readonly operator: Operator;
  readonly version: string;
  readonly slots: number;
  /** Requested runs that took longer than this (ms) ring a bell. */
  readonly bellAfterMs: number;
}

/** A run whose steps are known and handed out from now on. */
export interface Begun {
  readonly order: RunOrder;
  readonly steps: readonly string[];
  readonly pools: readonly string[];
}

/** A service's hands: what its doors reach for one repository at a time. */
export interface Service {
  readonly parts: ServiceParts;
  repository(ref: RepositoryRef): Promise<ForgeRepository>;
  accept(repository: ForgeRepository, order: RunOrder): Promise<Accepted["kind"]>;
  /** Runs that we accepted and that are not recorded, among these refs. */
  open(repository: ForgeRepository, refs: ReadonlyMap<string, CommitSha>): Promise<readonly RunOrder[]>;
  /** Runs that we accepted and that neither these refs nor the ledger show any more. */
  lost(repository: ForgeRepository, refs: ReadonlyMap<string, CommitSha>): Promise<readonly RunOrder[]>;
  /** Executes and records an accepted run; null where there was nothing to end. */
  run(
    repository: ForgeRepository,
    id: RunId,
    stop: {
      /** It was asked to stop. */
      readonly signal: AbortSignal;
      /** It is no longer ours, and goes on elsewhere. */
      readonly left: AbortSignal;
      /** What a run that was stopped is recorded as; null: it was not asked to stop. */
      readonly as: () => "cancelled" | "superseded" | null;
      readonly onBegin: (begun: Begun) => void;
      readonly onProgress: (progress: Progress, event: StepProgress) => void;
    },
  ): Promise<
    | { readonly kind: "recorded"; readonly record: RunRecord }
    | { readonly kind: "nothing" }
    | { readonly kind: "again"; readonly afterMs: number; readonly why: string }
  >;
}

/** Longer waits do not help a forge that refuses, and a person who waits for a result would wait with it. */
const RECORD_AGAIN_MS = 5_000;

/** The platform that pools declare unless the operator says otherwise (SEMANTICS §2). */
const PLATFORM = "linux-x64";

export function composeService(parts: ServiceParts): Service {
  const repositories = new Map<number, Promise<ForgeRepository>>();
  const { store, signer, ledger } = parts;
  const forged = tellForged(parts.onError);
  const open: Service["open"] = ({ mirror, forge }, refs) =>
    openOrders({ mirror, signer, forged: (ref, commit) => forged(forge.repository, ref, commit) }, refs);
  return {
    parts,
    open,
    lost: ({ mirror }, refs) => lostOrders({ mirror, signer, ledger }, refs),
    repository(ref) {
      const known = repositories.get(ref.id);
      if (known !== undefined) return known;
      const opened = forgeRepository({
        forge: parts.forges.open(ref),
        store,
        data: parts.data,
        program: parts.program,
        ledger,
        operator: parts.operator,
        version: parts.version,
      });
      repositories.set(ref.id, opened);
      opened.catch(() => repositories.delete(ref.id));
      return opened;
    },
    async accept(repository, order) {
      const about = { "sluice.run": order.id, "sluice.trigger": order.trigger };
      const accepted = await parts.tracing.span("accept", about, () =>
        acceptRun({ mirror: repository.mirror, signer, ledger }, order),
      );
      return accepted.kind;
    },
    async run(repository, id, stop) {
      const ran = await runAccepted(
        {
          mirror: repository.mirror,
          planAt: (at) => parts.tracing.span("plan", { "sluice.run": id }, () => repository.planAt(at)),
          clock: parts.clock,
          signer,
          openOrders: (refs) => open(repository, refs),
          ledger,
          async deployed({ request, id: self }) {
            await repository.history.sync();
            return repository.history.runs({ request }).some((run) => run.id !== self && run.status !== "superseded");
          },
          forkPool: async ({ domain }) =>
            isOfFork(domain) ? ((await repository.rules())?.settings.forks.pool ?? null) : null,
          execute: (run) => execute(parts, repository, { run, stop }),
          host: {
            platform: PLATFORM,
            cpus: cpus().length,
            memoryBytes: totalmem(),
            version: parts.version,
          },
        },
        id,
      );
      if (ran.kind === "not-accepted") return { kind: "nothing" };
      if (ran.kind === "again") return ran;
      if (ran.kind === "recorded") {
        await repository.mirror.publish([{ ref: acceptedRef(id), from: ran.acceptance, to: null }]);
        await repository.mirror.drop(orderRef(id));
        await parts.begun.forget(id);
        return { kind: "nothing" };
      }
      const stopped = stop.as();
      // A lost lease is no end: whoever holds it now takes the run to its end.
      if (ran.record.status === "cancelled" && stopped === null)
        return { kind: "again", afterMs: 5_000, why: "it goes on elsewhere" };
      const status = ran.record.status === "cancelled" ? (stopped ?? "cancelled") : ran.record.status;
      const ended = await withBegun(parts, { ...ran.record, status }, ran.domain);
      const recorded = await record(parts, repository, { ...ran, record: ended });
      // Its results are kept: taken up again it is planned, and all that is left to do is this.
      if (recorded.kind === "later") return { kind: "again", afterMs: RECORD_AGAIN_MS, why: recorded.why };
      await repository.mirror.drop(orderRef(id));
      await parts.begun.forget(id);
      repository.save();
      return { kind: "recorded", record: ended };
    },
  };
}

async function execute(
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
  const routes = new Map<string, Dispatcher<StepJob, StepEnd>>();
  stop.onBegin({ order, steps: planned.order.steps.map(({ name }) => name), pools: [...pools] });
  for (const pool of pools) routes.set(pool, await openPool(parts, repository, { run, pool, grants }));
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
        capacity: largestOf([...pools].map((pool) => parts.pool(pool).largest)),
        room: UNBOUNDED,
        gateOf: run.gateOf,
        onProgress: progressOf(planned.order.steps.length, (progress, event) => stop.onProgress(progress, event)),
        signal: stop.signal,
        left: stop.left,
      },
    );
  } finally {
    await dispatcher[Symbol.asyncDispose]();
  }
}

type Grants = ReadonlyMap<string, Granted>;

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

/** Attempts of a run on their way to one pool: made ready, waiting for their turn, handed to its workers. */
async function openPool(
  parts: ServiceParts,
  repository: ForgeRepository,
  { run, pool, grants }: { readonly run: Executable; readonly pool: string; readonly grants: Grants },
): Promise<Dispatcher<StepJob, StepEnd>> {
  const { store, clock } = parts;
  const { order, planned } = run;
  const at = repository.view(order.source);
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
  const mine: typeof staging = { ...staging, dispatch: (job) => here(() => staging.dispatch(job)) };
  return fairDispatcher<StepJob, StepEnd>(mine, {
    pool: parts.pool(pool),
    describe: describeSteps(run),
    flights: flightsOf(parts, order.domain),
    ended: (job) => inner.knows(attemptOf(job)),
    handed: (job) => inner.handed(attemptOf(job)),
    cancelled: () => ({ kind: "cancelled", attempt: null }),
  });
}

async function record(
  { store, signer, ledger }: ServiceParts,
  { mirror, history }: ForgeRepository,
  ran: { readonly record: RunRecord; readonly acceptance: Parameters<typeof mirror.changed>[0] },
): ReturnType<typeof recordRun> {
  const { record: run, acceptance } = ran;
  await history.sync();
  const before = history.runs({ pipeline: run.pipeline.id, limit: 1 })[0]?.metrics;
  let tried = false;
  const recorded = await recordRun(
    {
      git: mirror,
      store,
      signer,
      ledger: {
        ref: ledger,
        refresh: async () => void (await mirror.refresh([ledger, acceptedRef(run.id)])),
        async publish({ from, to }) {
          // Deleted by hand meanwhile, as a refresh has seen, it has no end to be given; accepted once more, it ends too.
          const open = tried ? await mirror.resolve(acceptedRef(run.id)) : acceptance;
          tried = true;
          return mirror.publish([
            { ref: ledger, from, to },
            ...(open === undefined ? [] : [{ ref: acceptedRef(run.id), from: open, to: null }]),
          ]);
        },
      },
    },
    { record: run, before, known: (id) => history.computed(id), tree: new Map() },
  );
  if (recorded.kind === "recorded") history.recorded(run, recorded);
  return recorded;
}

/** Where a service keeps what it can make again. */
export function servicePaths(data: string): {
  readonly store: string;
  readonly work: string;
  readonly environments: string;
  readonly keys: string;
} {
  const store = join(data, "store");
  return {
    store,
    work: join(store, "work"),
    environments: join(data, "environments"),
    keys: join(data, "keys"),
  };
}
