import { mkdirSync } from "node:fs";

import type { Isolation } from "../key/key-document.ts";
import type { Failure } from "../run/run-record.ts";
import { endedBefore, endedBySystem } from "./attempt-end.ts";
import type { Attempt, AttemptEnd, AttemptOrder, Executor } from "./executor.ts";
import { isolationHere } from "./isolation.ts";
import { permitsFor } from "./permits.ts";
import { unlessDiskFull } from "./full-disk.ts";
import { keepPlain } from "./plain-log.ts";
import { GONE_AFTER_MS, placesOf, startPulse, type Pulse } from "./pulse.ts";
import { redactLog } from "./redact-log.ts";
import { removeTree } from "./remove-tree.ts";
import { askSlurm } from "./slurm-command.ts";
import { endOfJob, isolationOf } from "./slurm-end.ts";
import { slurmJobs, type SlurmJobs } from "./slurm-jobs.ts";
import { writeOrder } from "./slurm-order.ts";
import { makePlace, type JobPlace, type SlurmExecutorOptions } from "./slurm-place.ts";
import { cancelOrphans } from "./slurm-pulse.ts";
import { submit } from "./slurm-submit.ts";
import { stage, undeclaredWrites } from "./workspace.ts";

interface Cluster {
  readonly options: SlurmExecutorOptions;
  readonly jobs: SlurmJobs;
  readonly pulse: Pulse;
  /** Attempts that somebody waits for. */
  readonly awaited: Set<string>;
}

const EVERY_MS = 1_000;
/** After it a cancelled job's processes are killed, whatever they hold on to. */
const GRACE_MS = 4_000;
/** A controller that is away for a restart hears nothing: it is told again for as long as the job is there. */
const AGAIN_MS = 2_000;

/**
 * Steps as jobs of Slurm: submitted and watched by its command line, each in the sandbox that a process of the worker would
 * have, measured by the same launcher. Jobs of workers that are gone are cancelled.
 */
export function slurmExecutor(options: SlurmExecutorOptions): Executor {
  mkdirSync(options.directory, { recursive: true });
  const permits = permitsFor(options.slots);
  const running = new Set<Promise<unknown>>();
  const cluster: Cluster = {
    options,
    jobs: slurmJobs(options.everyMs ?? EVERY_MS),
    pulse: startPulse(options.directory, "slurm", options.onError),
    awaited: new Set(),
  };
  const isAwaited = (attempt: string): boolean => cluster.awaited.has(attempt);
  const sweep = (): Promise<void> => cancelOrphans(cluster.pulse, isAwaited).catch(options.onError);
  let sweeping = sweep();
  const timer = setInterval(() => {
    sweeping = sweeping.then(sweep);
  }, GONE_AFTER_MS / 3).unref();
  const here = isolationHere(options.sandbox === "require" ? "auto" : options.sandbox);
  return {
    isolation: here.kind === "possible" ? here.isolation : "workspace",
    why: "steps run as jobs of Slurm, in a closed bubblewrap sandbox on nodes that have it",
    ahead: options.slots,
    async start(order, signal) {
      await permits.take();
      try {
        const attempt = begin(cluster, order, signal);
        const over = (): void => {
          running.delete(attempt.ended);
          permits.giveBack();
        };
        running.add(attempt.ended);
        void attempt.ended.then(over, over);
        return attempt;
      } catch (error) {
        permits.giveBack();
        throw error;
      }
    },
    async [Symbol.asyncDispose]() {
      clearInterval(timer);
      await Promise.allSettled([...running, sweeping]);
      cluster.pulse.close();
    },
  };
}

function begin(cluster: Cluster, order: AttemptOrder, signal: AbortSignal): Attempt {
  const { options } = cluster;
  const place = makePlace(options, placesOf(cluster.pulse.path));
  const staging = stage(place.workspace, order, {
    materialize: options.materialize,
    sandboxed: true,
    left: new Set(),
  });
  let isolation: Isolation = "workspace";
  const ended = (async (): Promise<AttemptEnd> => {
    const staged = await staging;
    if ("missing" in staged) {
      const why = `the bytes of \`${staged.missing}\` are not there any more`;
      return endedBefore(staged.diskFull ? { kind: "disk-full", path: staged.missing } : { kind: "lost", why });
    }
    cluster.awaited.add(order.id);
    try {
      return await run(cluster, place, { order, signal });
    } finally {
      cluster.awaited.delete(order.id);
      isolation = isolationOf(place);
    }
  })().catch((error: unknown) => endedBySystem(error, "it could not be run here"));
  return {
    workspace: place.workspace,
    log: place.log,
    get isolation() {
      return isolation;
    },
    ended,
    async undeclared() {
      const staged = await staging;
      return "missing" in staged ? [] : undeclaredWrites(place.workspace, order, staged).undeclared;
    },
    async dispose() {
      await ended.catch(() => undefined);
      removeTree(place.root);
    },
  };
}

async function run(
  { jobs, pulse }: Cluster,
  place: JobPlace,
  { order, signal }: { readonly order: AttemptOrder; readonly signal: AbortSignal },
): Promise<AttemptEnd> {
  const unfit = await prepare(place, order, signal);
  if (unfit !== undefined) return { ...endedBefore(unfit), cancelled: signal.aborted };
  const submitted = await submit(place, order, pulse);
  if (submitted.kind !== "submitted") return endedBefore(submitted);
  const stopping = cancelWhenAsked(submitted.job, signal);
  try {
    const end = await jobs.ended(submitted.job);
    const seen = await endOfJob(place, order, { job: submitted.job, end, cancelled: signal.aborted });
    return unlessDiskFull(seen, place);
  } finally {
    stopping.over();
    order.ending?.();
    keepPlain(place.log);
    redactLog(place.log, order.secrets);
  }
}

async function prepare(place: JobPlace, order: AttemptOrder, signal: AbortSignal): Promise<Failure | undefined> {
  const found = await place.options.environments.prepare(order, { log: place.log, signal });
  if ("kind" in found) return found;
  if (found.drift !== undefined) return found.drift;
  writeOrder(place, order, found.environment);
  return undefined;
}

function cancelWhenAsked(job: string, signal: AbortSignal): { over(): void } {
  let timer: NodeJS.Timeout | undefined;
  let over = false;
  const tell = async (how: readonly string[]): Promise<void> => {
    const { code } = await askSlurm("scancel", ["--full", ...how, job]);
    if (over) return;
    const heard = code === 0 && how.length === 0;
    timer = setTimeout(() => void tell(heard ? KILL : how), heard ? GRACE_MS : AGAIN_MS);
  };
  const cancel = (): void => void tell([]);
  if (signal.aborted) cancel();
  else signal.addEventListener("abort", cancel, { once: true });
  return {
    over() {
      over = true;
      clearTimeout(timer);
      signal.removeEventListener("abort", cancel);
    },
  };
}

const KILL = ["--signal=KILL"];
