import type { Desired } from "./forge/desired.ts";
import { targetOf } from "./forge/desired.ts";
import type { Json } from "./identity/canonical-json.ts";
import { parseRunId, type CommitSha } from "./identity/identity.ts";
import type { RepositoryRef } from "./identity/repository.ts";
import type { Consumer, Performed, Queue, QueuedJob } from "./queue/queue.ts";
import type { RunOrder } from "./run/request.ts";
import type { Trigger } from "./trigger/trigger.ts";

/** What the queue's jobs lead to; composed where ports and adapters meet. */
export interface Hands {
  /** Reads the forge and git again because of a trigger, and brings both to what they should be. */
  handle(trigger: Trigger): Promise<Performed>;
  /** Executes and records one accepted run. */
  run(repository: RepositoryRef, run: RunToTake, signal: AbortSignal): Promise<Performed>;
  /** Sends an installation's desired states. */
  send(installation: number): Promise<Performed>;
  /** Tells webhooks what waits for them of a repository. */
  notify(repository: RepositoryRef): Promise<Performed>;
}

/** A run as its job names it. */
export interface RunToTake {
  readonly id: RunOrder["id"];
  readonly pullRequest: number | null;
  /** The commit that it is reported on; null where it runs for an open pull request. */
  readonly commit: CommitSha | null;
}

/** Names of the queues. */
export const QUEUES = { controller: "controller", runs: "runs", outbox: "outbox", notices: "notices" } as const;

/** Job of an accepted run: asking twice is asking once. */
export function runJob(repository: RepositoryRef, order: RunOrder): QueuedJob {
  return {
    id: `run-${order.id}`,
    payload: {
      repository: { ...repository },
      run: order.id,
      pullRequest: order.pullRequest,
      commit: order.domain === "main" || order.pullRequest === null ? order.source : null,
    },
  };
}

/** Puts states into the outbox, newest wins, and wakes its sender. */
export async function desire(
  queue: Queue,
  installation: number,
  states: readonly Desired[],
  repository: RepositoryRef,
): Promise<void> {
  if (states.length === 0) return;
  const table = `outbox/${installation}`;
  for (const desired of states) {
    const entry = { repository, desired } as unknown as Json;
    await queue.table.put(table, `${repository.id}/${targetOf(desired)}`, entry);
  }
  await queue.jobs.add(QUEUES.outbox, [{ id: `outbox-${installation}`, payload: { installation } }]);
}

/** Work of a service on one queue: jobs become calls, what fails is tried again, and nothing is ever dropped. */
export async function startWork(
  queue: Queue,
  hands: Hands,
  options: { readonly runs: number; readonly onError: (job: QueuedJob, error: unknown) => void },
): Promise<Consumer> {
  const { onError } = options;
  const [triggers, runs, outbox, notices] = await Promise.all([
    queue.jobs.consume(QUEUES.controller, {
      concurrency: 4,
      onError,
      perform: (job) => hands.handle(job.payload as unknown as Trigger),
    }),
    queue.jobs.consume(QUEUES.runs, {
      concurrency: options.runs,
      onError,
      async perform(job, signal) {
        const { repository, run, ...about } = job.payload as unknown as Omit<RunToTake, "id"> & {
          readonly repository: RepositoryRef;
          readonly run: string;
        };
        const id = parseRunId(run);
        return id === undefined ? { kind: "done" } : hands.run(repository, { id, ...about }, signal);
      },
    }),
    queue.jobs.consume(QUEUES.outbox, {
      concurrency: 2,
      onError,
      perform: (job) => hands.send((job.payload as { installation: number }).installation),
    }),
    // Apart from the outbox: a stranger's server that is slow holds up no check.
    queue.jobs.consume(QUEUES.notices, {
      concurrency: 2,
      onError,
      perform: (job) => hands.notify((job.payload as unknown as { readonly repository: RepositoryRef }).repository),
    }),
  ]);
  return {
    async close(how) {
      // What is short is ended; a run may take hours more, and another controller goes on with it.
      await Promise.all([triggers.close(how), runs.close({ force: true }), outbox.close(how), notices.close(how)]);
    },
  };
}
