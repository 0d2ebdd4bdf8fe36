import { existsSync, statSync } from "node:fs";
import { join } from "node:path";

import type { DestinationStream } from "pino";

import { createApp } from "../../app.ts";
import type { Clock } from "../../clock/clock.ts";
import type { ServiceConfig } from "../../config-service.ts";
import { decodeEnd, encodeAttempt, type StagedJob } from "../../controller/attempt-payload.ts";
import { removeAbandoned } from "../../executor/work-place.ts";
import { keepOutOfGit } from "../local/keep-out-of-git.ts";
import { octokitForges } from "../../forge/octokit-forges.ts";
import { withinBudget } from "../../forge/within-budget.ts";
import { programsApart } from "../../git/run-apart.ts";
import type { RunId } from "../../identity/identity.ts";
import { answersFirst } from "./answers-first.ts";
import { composeHands } from "./hands.ts";
import { withBundles } from "../keyless.ts";
import { LIVE } from "../run/live-run.ts";
import { endsWithin } from "./leave.ts";
import { readIdentities } from "./identities.ts";
import { readOperator } from "./operator.ts";
import { readiness } from "./ready.ts";
import type { Refused } from "./refused.ts";
import { openUsableStore } from "./store.ts";
import { servicePaths } from "./paths.ts";
import { composeService } from "./compose-service.ts";
import { programPath } from "../threads/programs.ts";
import { toldHands } from "./told-hands.ts";
import { tracedApp } from "./traced-app.ts";
import { openTracing } from "./tracing.ts";
import { poolQueue, startWorker } from "./worker.ts";
import { fairPool } from "../../queue/fair-pool.ts";
import { correlation } from "../../queue/correlation.ts";
import { watchFollowers } from "../../queue/followers.ts";
import { openQueue, queueWords } from "../../queue/open-queue.ts";
import { queueDispatcher, type QueueDispatcher } from "../../queue/queue-dispatcher.ts";
import type { Queue } from "../../queue/queue.ts";
import { spendWrites } from "../../queue/spend-writes.ts";
import { endedUnseen, type StepEnd } from "../../run/step-job.ts";
import { fileSigner } from "../../signer/file-signer.ts";
import { keepPublicKey } from "../../signer/public-keys.ts";
import type { WriteLimits } from "../../scheduling/write-budget.ts";
import { CONTROLLER_QUEUE, jobOf } from "../../trigger/job.ts";
import { createLog } from "../../web/log.ts";
import { createStepMetrics } from "../../web/step-metrics.ts";
import { startServer, type WebServer } from "../../web/server.ts";
import { startWork } from "../../worker.ts";

const LEDGER = "refs/heads/sluice/ledger";
/** Where nothing woke us, we look by ourselves. */
const LOOK_EVERY_MS = 60_000;
const POOL = "default";
/** Whoever waits longer has gone on to something else. */
const BELL_AFTER_MS = 5 * 60_000;

export interface Opening {
  readonly config: ServiceConfig;
  readonly clock: Clock;
  readonly version: string;
  /** PATH of the person or system: git is found there, and steps get it. */
  readonly path: string;
  /** Steps that this process performs itself; 0 leaves them to `sluice worker`. */
  readonly slots: number;
  readonly variable: (name: string) => string | undefined;
  /** Requested runs that took longer than this (ms) ring a bell; default 5 min. */
  readonly bellAfterMs?: number;
  /** What the forge lets an installation write; default: GitHub's limits. */
  readonly writes?: WriteLimits;
  /** Where the log goes; default stderr. */
  readonly logTo?: DestinationStream;
}

/** A running service: web, controller, and one worker unless `slots` is 0. */
export interface OpenService extends AsyncDisposable {
  readonly web: WebServer;
  readonly queue: Queue;
}

export type Opened = { readonly kind: "opened"; readonly service: OpenService } | Refused;

/** So long deliveries that wait for an answer go before work that begins. */
const ANSWERS_MS = 1_000;
/** Each part of a service has so long to end in good order. */
const LEAVE_MS = 10_000;

/** A part of main.ts for `serve` and `demo`: opens what a service stands on, in the order in which it is needed. */
export async function openService(opening: Opening): Promise<Opened> {
  const { config, clock, version, path, slots, variable } = opening;
  const program = findGit(path);
  if (program === undefined)
    return {
      kind: "refused",
      reason: "later",
      why: "git is not installed, and a service needs it",
      next: "apt-get install git",
    };
  const read = readOperator(config.operatorFile);
  if (read.kind === "refused") return read;
  const { operator } = read;
  const identities = await readIdentities(operator);
  if (identities.kind === "refused") return identities;
  const { checkBundle } = identities;
  const log = createLog(config, { correlation, ...(opening.logTo !== undefined && { to: opening.logTo }) });
  const tracing = await openTracing(variable, { role: "serve", version });
  const steps = createStepMetrics();
  const onError = (error: unknown): void => log.error({ err: error }, "background");
  const url = config.queue.kind === "embedded" ? "embedded:" : config.queue.url;
  const paths = servicePaths(config.data);
  await removeAbandoned(paths.datasets, clock.now());
  const kept = await openUsableStore(config.store ?? operator.store, paths.store, clock);
  if (kept.kind === "refused") return kept;
  const { store, begun, checkpoints, probe, collector } = kept;
  const opened = await openQueue(url, {
    data: config.data,
    holder: `sluice ${process.pid}`,
    onError,
    telemetry: tracing.telemetry,
  });
  if (opened.kind === "refused") {
    return { kind: "refused", ...queueWords(opened) };
  }
  const { queue } = opened;
  keepOutOfGit(config.data);
  const key = fileSigner(paths.keys, config.signingKey ?? undefined);
  const signer = withBundles(key, config.keyless, {
    clock,
    tell: (sentence, bundled) => (bundled ? log.info(sentence) : log.warn(sentence)),
  });
  // Workers have nothing but SLUICE_DATA: there they find who may order secrets.
  keepPublicKey(paths.keys, signer);
  const { app, forge } = config;
  const now = (): number => clock.now();
  const spend = spendWrites(queue.table, clock, opening.writes);
  const options = { appId: app.id, privateKey: app.privateKey, apiUrl: forge.api, now };
  const forges = withinBudget(octokitForges(options), spend, now);
  const worker =
    slots === 0
      ? undefined
      : await startWorker({
          queue,
          store,
          begun,
          checkpoints,
          clock,
          data: config.data,
          path,
          pool: POOL,
          version,
          concurrency: slots,
          kubernetes: operator.pools[POOL]?.kubernetes ?? null,
          variable,
          tracing,
          log,
          onError,
        });
  const holder = `sluice ${process.pid}`;
  const pools = new Map(
    Object.keys(operator.pools).map((name) => [name, fairPool({ queue, pool: poolQueue(name), holder, onError })]),
  );
  const programs = programsApart(programPath("runner"));
  const service = composeService({
    pool(name) {
      const pool = pools.get(name);
      if (pool === undefined) throw new Error(`opening the pool ${name}: the operator has none of that name`);
      return pool;
    },
    leases: queue.leases,
    spend,
    onError,
    tracing,
    steps,
    forges,
    clock,
    store,
    begun,
    collector,
    log,
    dispatcher: (run, pool) => dispatcherOf(queue, { run, pool, slots: Math.max(2, slots + 2), clock, onError }),
    signer,
    checkBundle,
    data: config.data,
    program,
    run: programs.run,
    ledger: LEDGER,
    variable,
    operator,
    version,
    slots: Math.max(1, slots),
    bellAfterMs: opening.bellAfterMs ?? BELL_AFTER_MS,
  });
  const open = async (run: string): Promise<boolean> => (await queue.table.get(LIVE, run)) !== undefined;
  const followers = watchFollowers(queue, { open, onError });
  const { answering, quiet } = answersFirst(ANSWERS_MS);
  const door = config.webhooks === null ? null : await createApp({ config, queue, log, answering });
  const hands = composeHands(service, queue, followers);
  const work = await startWork(queue, toldHands(hands, { log, tracing, begin: quiet }), {
    runs: 8,
    onError: (job, error) => log.error({ err: error, job: job.id }, "job"),
  });
  const ready = readiness({ probe, forges, now, onError });
  const ended = async (what: string, end: PromiseLike<unknown>): Promise<void> => {
    if (!(await endsWithin(LEAVE_MS, end))) onError(new Error(`${what} did not end in ${LEAVE_MS / 1_000} s`));
  };
  const leave = async (): Promise<void> => {
    await ended("the work under way", work.close());
    await followers.close();
    const turns = [...pools.values()].map((pool) => pool[Symbol.asyncDispose]());
    await ended("turns of the pools", Promise.all(turns));
    // Steps that were begun are ended first, however long they take.
    await worker?.[Symbol.asyncDispose]();
    await ended("the queue's connections", queue[Symbol.asyncDispose]());
    await ended("what traces were not told yet", tracing[Symbol.asyncDispose]());
    await ended("the store", store[Symbol.asyncDispose]());
    programs[Symbol.dispose]();
  };
  const web = await startServer({
    host: config.host,
    port: config.port,
    version,
    log,
    app: door === null ? null : tracedApp(door, tracing),
    queue,
    notReady: ready,
    steps,
  }).catch(async (error: unknown) => {
    // What was opened until here, the embedded database too, is nobody's otherwise.
    await leave();
    throw error;
  });
  const look = jobOf({ kind: "everywhere" }, "look");
  await queue.jobs.add(CONTROLLER_QUEUE, [look]);
  const keepLooking = (): Promise<void> =>
    queue.jobs.every(CONTROLLER_QUEUE, { ...look, id: "look-everywhere" }, LOOK_EVERY_MS);
  await keepLooking();
  // A queue that was emptied meanwhile knows nothing of the minute any more.
  const remind = setInterval(() => void keepLooking().catch(onError), LOOK_EVERY_MS).unref();
  return {
    kind: "opened",
    service: {
      web,
      queue,
      async [Symbol.asyncDispose]() {
        clearInterval(remind);
        await ended("the web server", web.close());
        await leave();
      },
    },
  };
}

function dispatcherOf(
  queue: Queue,
  {
    run,
    pool,
    slots,
    clock,
    onError,
  }: Pick<Opening, "clock" | "slots"> & {
    readonly run: RunId;
    readonly pool: string;
    readonly onError: (error: unknown) => void;
  },
): Promise<QueueDispatcher<StagedJob, StepEnd>> {
  return queueDispatcher<StagedJob, StepEnd>({
    queue,
    pool: poolQueue(pool),
    run,
    slots,
    encode: encodeAttempt,
    decode: decodeEnd,
    cancelled: () => ({ kind: "cancelled", attempt: null }),
    lost: ({ job }, why) => endedUnseen(job, { kind: "lost", why }, clock.now()),
    priority: ({ job }) => 100 - Math.max(-99, Math.min(99, job.step.step.priority)),
    onError,
  });
}

function findGit(path: string): string | undefined {
  return path
    .split(":")
    .map((directory) => join(directory, "git"))
    .find((file) => existsSync(file) && statSync(file).isFile());
}
