import type { CommitSha } from "../../identity/identity.ts";
import type { RepositoryRef } from "../../identity/repository.ts";
import { again, DONE, type At } from "../serve/at.ts";
import { ringBell } from "../serve/bell.ts";
import { tellLeft } from "../serve/commit.ts";
import { tellLive } from "./live.ts";
import { PROGRESS, STOP } from "./orders.ts";
import type { Progress } from "./progress.ts";
import { endsTopic } from "../../queue/attempt-messages.ts";
import type { Performed } from "../../queue/queue.ts";
import { CONTROLLER_QUEUE, jobOf } from "../../trigger/job.ts";
import type { RunToTake } from "../../worker.ts";

/** People read a comment, not a clock: it is edited this often while a run is under way. */
const TELL_EVERY_MS = 3_000;
/** Nobody waits in front of a merge's check. */
const TELL_COMMIT_EVERY_MS = 15_000;

/** How an ended run, and one under way, are told. */
interface Telling {
  readonly signal: AbortSignal;
  readonly report: (number: number) => Promise<Performed>;
  readonly tell: (commit: CommitSha) => Promise<Performed>;
}

/** Executes and records one accepted run under its lease, and has its pull request told how far it is. */
export async function takeRun(at: At, ref: RepositoryRef, take: RunToTake & Telling): Promise<Performed> {
  const { id: run, signal } = take;
  // Whoever else holds it executes it; looking again costs little, executing twice costs the steps.
  const lease = await at.queue.leases.acquire(`run-${run}`, { ttlMs: 10_000, holder: String(process.pid) });
  if (lease === undefined) return again(5_000);
  const watch = watchStop(at, run);
  const live = tellLive(at, ref, run);
  const report = tellProgress(at, ref, take);
  try {
    const repository = await at.service.repository(ref);
    const ended = await at.service.run(repository, run, {
      signal: watch.signal,
      // Attempts that are under way belong to whoever goes on with the run.
      left: AbortSignal.any([signal, lease.lost]),
      as: watch.as,
      onBegin: (begun) => live.begun(begun),
      onProgress(progress, event) {
        live.progress(progress, event);
        report.progress(progress);
        if (event.kind === "cached") at.service.parts.steps.cached();
      },
    });
    if (ended.kind === "again") return again(ended.afterMs, ended.why);
    await live.over();
    await report.end();
    await at.queue.table.remove(STOP, run);
    await at.queue.table.remove(PROGRESS, run);
    // Recorded: how its attempts ended is asked by nobody any more.
    await at.queue.bus.drop(endsTopic(run));
    if (ended.kind === "nothing") {
      // Accepted once more although it is recorded: what was said about it meanwhile is not so any longer.
      if (take.commit !== null) return take.tell(take.commit);
      if (take.pullRequest === null) return DONE;
      await wakeReport(at, ref, take.pullRequest, "recorded");
      await repository.history.sync();
      const known = await repository.history.readable(run);
      return known === undefined ? DONE : tellLeft(at, repository, known);
    }
    const { record } = ended;
    // What waits for this run, or hangs on it, need not wait for the next minute.
    const woken = { kind: "reconcile", repository: ref, because: `run ${run} ended` } as const;
    await at.queue.jobs.add(CONTROLLER_QUEUE, [jobOf(woken, "ended")]);
    if (take.commit === null && record.pullRequest !== null) {
      await ringBell(at, ref, record);
      const told = await take.report(record.pullRequest);
      // The report has a job of its own.
      if (told.kind === "again") await wakeReport(at, ref, record.pullRequest, "recorded");
      // Taken up again the run is recorded already, and all that is left to do is to tell.
      return tellLeft(at, repository, record);
    }
    return take.tell(record.source);
  } finally {
    watch.end();
    await report.end();
    await live.close();
    await lease.release();
  }
}

async function wakeReport(
  { queue }: Pick<At, "queue">,
  repository: RepositoryRef,
  number: number,
  action: "progress" | "recorded",
): Promise<void> {
  const trigger = { kind: "pull-request", repository, number, action, sender: null } as const;
  await queue.jobs.add(CONTROLLER_QUEUE, [jobOf(trigger, action)]);
}

/** Looks every second whether a run was asked to stop. */
function watchStop(
  { queue }: At,
  run: string,
): { readonly signal: AbortSignal; readonly as: () => "cancelled" | "superseded" | null; readonly end: () => void } {
  const controller = new AbortController();
  let why: "cancelled" | "superseded" | null = null;
  const look = async (): Promise<void> => {
    const value = await queue.table.get(STOP, run);
    if (value !== "cancelled" && value !== "superseded") return;
    why = value;
    controller.abort(new Error(value));
  };
  const quietly = (): void => void look().catch(() => undefined);
  quietly();
  const timer = setInterval(quietly, 1_000);
  return { signal: controller.signal, as: () => why, end: () => clearInterval(timer) };
}

interface ProgressTeller {
  progress(progress: Progress): void;
  /** Nothing is told any more. */
  end(): Promise<void>;
}

/**
 * Keeps how far a run has got where reports find it, and wakes the report of its pull request: not at once, because many
 * steps end within seconds, but not only when the next one ends either, because that may be hours away.
 */
function tellProgress(
  { service, queue }: At,
  repository: RepositoryRef,
  { id: run, pullRequest, commit, tell: tellCommit }: RunToTake & Telling,
): ProgressTeller {
  const { clock } = service.parts;
  const every = commit === null ? TELL_EVERY_MS : TELL_COMMIT_EVERY_MS;
  const began = clock.now();
  let told = began;
  let last: Progress | undefined;
  let timer: NodeJS.Timeout | undefined;
  let telling = Promise.resolve();
  let ended = false;
  const tell = async (progress: Progress): Promise<void> => {
    await queue.table.put(PROGRESS, run, { ...progress, began });
    if (commit !== null) return void (await tellCommit(commit));
    if (pullRequest === null) return;
    await wakeReport({ queue }, repository, pullRequest, "progress");
  };
  const unset = (): void => {
    clearTimeout(timer);
    timer = undefined;
  };
  const tellNow = (): void => {
    unset();
    told = clock.now();
    const progress = last;
    if (progress === undefined) return;
    // One after the other and none after the end: a slow one would put an earlier state over a later one.
    // A hint that is lost costs a line in a comment.
    telling = telling.then(() => (ended ? undefined : tell(progress))).catch(() => undefined);
  };
  return {
    progress(progress) {
      last = progress;
      // Its end is told by the record.
      if (progress.done === progress.total) return unset();
      const wait = every - (clock.now() - told);
      if (wait <= 0) tellNow();
      else timer ??= setTimeout(tellNow, wait);
    },
    async end() {
      ended = true;
      unset();
      await telling;
    },
  };
}
