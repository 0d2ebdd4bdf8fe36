import type { RepositoryRef } from "./identity/repository.ts";
import { reportRun } from "./controller/report-pull-request.ts";
import type { Progress, Service } from "./main-service.ts";
import { endsTopic } from "./queue/attempt-messages.ts";
import type { Performed, Queue } from "./queue/queue.ts";
import { CONTROLLER_QUEUE, jobOf } from "./trigger/job.ts";
import { desire, type RunToTake } from "./worker.ts";

/** Tables: runs that were asked to stop, and how far runs have got. */
export const STOP = "stop";
export const PROGRESS = "progress";
/** People read a comment, not a clock: it is edited this often while a run is under way. */
const TELL_EVERY_MS = 3_000;

const DONE: Performed = { kind: "done" };
const again = (afterMs: number): Performed => ({ kind: "again", afterMs });

interface At {
  readonly service: Service;
  readonly queue: Queue;
}

/** Executes and records one accepted run under its lease, and has its pull request told how far it is. */
export async function takeRun(
  at: At,
  ref: RepositoryRef,
  { id: run, pullRequest, signal }: RunToTake & { readonly signal: AbortSignal },
  report: (number: number) => Promise<Performed>,
): Promise<Performed> {
  // Whoever else holds it executes it; looking again costs little, executing twice costs the steps.
  const lease = await at.queue.leases.acquire(`run-${run}`, { ttlMs: 10_000, holder: String(process.pid) });
  if (lease === undefined) return again(5_000);
  const watch = watchStop(at, run);
  try {
    const repository = await at.service.repository(ref);
    const ended = await at.service.run(repository, run, {
      signal: AbortSignal.any([signal, lease.lost, watch.signal]),
      as: watch.as,
      onProgress: tellProgress(at, ref, { run, pullRequest }),
    });
    if (ended.kind === "again") return again(ended.afterMs);
    await at.queue.table.remove(STOP, run);
    await at.queue.table.remove(PROGRESS, run);
    // Recorded: how its attempts ended is asked by nobody any more.
    await at.queue.bus.drop(endsTopic(run));
    if (ended.kind === "nothing") {
      // Accepted once more although it is recorded: what was said about it meanwhile is not so any longer.
      if (pullRequest !== null) await wakeReport(at, ref, pullRequest, "recorded");
      return DONE;
    }
    const { record } = ended;
    if (record.pullRequest !== null) {
      const told = await report(record.pullRequest);
      // The run is over, so this job has nothing left to do again: the report has a job of its own.
      if (told.kind === "again") await wakeReport(at, ref, record.pullRequest, "recorded");
      return DONE;
    }
    await desire(at.queue, ref.installation, [reportRun(record)], ref);
    return DONE;
  } finally {
    watch.end();
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

/** Keeps how far a run has got where reports find it, and wakes the report of its pull request. */
function tellProgress(
  { service, queue }: At,
  repository: RepositoryRef,
  { run, pullRequest }: { readonly run: string; readonly pullRequest: number | null },
): (progress: Progress) => void {
  const began = service.parts.clock.now();
  let told = began;
  const tell = async (progress: Progress): Promise<void> => {
    await queue.table.put(PROGRESS, run, { ...progress, began });
    if (pullRequest === null) return;
    await wakeReport({ queue }, repository, pullRequest, "progress");
  };
  return (progress) => {
    const now = service.parts.clock.now();
    if (progress.done === progress.total || now - told < TELL_EVERY_MS) return;
    told = now;
    // A hint that is lost costs a line in a comment.
    tell(progress).catch(() => undefined);
  };
}
