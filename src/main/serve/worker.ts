import { readdirSync, statSync } from "node:fs";
import { availableParallelism, hostname, totalmem } from "node:os";

import type { Logger } from "pino";

import type { Clock } from "../../clock/clock.ts";
import { decodeAttempt, encodeEnd, readsAttempt, withoutOrder } from "../../controller/attempt-payload.ts";
import { runStep } from "../../controller/run-step/run-step.ts";
import { resolveSecrets } from "../../controller/secret-order.ts";
import { builtEnvironments, type BuiltEnvironments } from "../../executor/built-environments.ts";
import type { Executor } from "../../executor/executor.ts";
import { isolationHere } from "../../executor/isolation.ts";
import { processExecutor, type ProcessExecutor } from "../../executor/process-executor.ts";
import { strangerExecutor } from "../../executor/stranger-executor.ts";
import { removeAbandoned } from "../../executor/work-place.ts";
import { withContainers } from "../../executor/with-containers.ts";
import { withKubernetes } from "../../executor/with-kubernetes.ts";
import { withSlurm } from "../../executor/with-slurm.ts";
import { programPath } from "../threads/programs.ts";
import { readAlong } from "../run/follow.ts";
import { LIVE } from "../run/live-run.ts";
import { beginAttempt } from "./begin-attempt.ts";
import { servicePaths } from "./paths.ts";
import { noTracing, type Tracing } from "./tracing.ts";
import { attemptConsumer } from "../../queue/attempt-consumer.ts";
import { watchFollowers } from "../../queue/followers.ts";
import type { Json } from "../../identity/canonical-json.ts";
import { isOfFork } from "../../identity/identity.ts";
import type { KubernetesPool } from "../../pipeline/operator.ts";
import type { Queue } from "../../queue/queue.ts";
import { announceWorker, type UnderWay, type WorkerNotice } from "../../queue/workers.ts";
import type { Room } from "../../scheduling/queued-step.ts";
import { roomOf } from "../../scheduling/step-room.ts";
import type { SecretValues } from "../../run/secret-values.ts";
import { endedUnseen } from "../../run/step-job.ts";
import { envSecrets } from "../../secrets/env-secrets.ts";
import { fileSecrets } from "../../secrets/file-secrets.ts";
import { secretSources } from "../../secrets/secret-sources.ts";
import { publicKeys } from "../../signer/public-keys.ts";
import type { BegunAttempts } from "../../store/begun-attempts.ts";
import { keptLog } from "../../store/log-file.ts";
import type { Checkpoints } from "../../store/checkpoints.ts";
import { readTail } from "../../store/read-tail.ts";
import type { Store } from "../../store/store.ts";

export interface WorkerParts {
  readonly queue: Queue;
  readonly store: Store;
  readonly begun: BegunAttempts;
  readonly checkpoints: Checkpoints;
  readonly clock: Clock;
  /** SLUICE_DATA. */
  readonly data: string;
  /** PATH that steps get after their environment's. */
  readonly path: string;
  readonly pool: string;
  readonly version: string;
  readonly concurrency: number;
  /** Where the pool's Jobs of Kubernetes are made; null: it has none. */
  readonly kubernetes: KubernetesPool | null;
  /** A variable of this process: grants `from: env:NAME` are resolved here. */
  readonly variable: (name: string) => string | undefined;
  readonly tracing?: Tracing;
  readonly log?: Pick<Logger, "info">;
  readonly onError: (error: unknown) => void;
}

/** A launcher starts in a tenth of that. */
const TRIED_WITHIN_MS = 5_000;

/** The queue of a pool's attempts. */
export function poolQueue(pool: string): string {
  return `pool-${pool}`;
}

/** A part of main.ts for workers: takes a pool's attempts and performs them with what queue and store hold. */
export async function startWorker(parts: WorkerParts): Promise<AsyncDisposable> {
  const { queue, store, begun, checkpoints, clock, onError } = parts;
  await removeAbandoned(servicePaths(parts.data).work, clock.now());
  const environments = openEnvironments(parts);
  const { executor, ready, tried } = openExecutor(parts, environments);
  const strangers = openStrangers(parts);
  const notice = noticeOf(parts);
  const secrets = secretSources({ env: envSecrets(parts.variable), file: fileSecrets([parts.data]) });
  const underWay = new Set<UnderWay>();
  const open = async (run: string): Promise<boolean> => (await queue.table.get(LIVE, run)) !== undefined;
  const followers = watchFollowers(queue, { open, onError });
  // Else it would offer nothing until it is asked again.
  await shortly(tried, clock);
  const consumer = await attemptConsumer({
    queue,
    pool: poolQueue(parts.pool),
    concurrency: parts.concurrency,
    onError,
    reads: readsAttempt,
    room: notice.room,
    demandOf,
    ready,
    async perform(payload, signal, lost) {
      const { run, domain, requestedBy, sandbox, job, staged, params, secretOrder, deploys } = decodeAttempt(payload);
      const names = job.step.step.secrets.map(({ name }) => name);
      const stranger = isOfFork(domain);
      const resolve = (): SecretValues => {
        const ports = { keys: publicKeys(servicePaths(parts.data).keys), secrets, clock };
        return resolveSecrets(ports, { attempt: withoutOrder(payload), names, order: secretOrder });
      };
      const unfit = await beginAttempt(begun, run, job);
      if (unfit !== undefined) return encodeEnd(endedUnseen(job, unfit, clock.now()));
      const here: UnderWay = { run, step: job.step.name, attempt: job.attempt, since: clock.now() };
      underWay.add(here);
      const attempted = (parts.tracing ?? noTracing)
        .span("attempt", about(here), async () => {
          const end = await runStep(
            { executor: stranger ? strangers : executor, store, clock, logs: LOGS, checkpoints },
            {
              run,
              domain,
              requestedBy,
              sandbox,
              deploys,
              lost,
              stage: () => Promise.resolve(staged),
              secrets: () => (names.length === 0 ? NONE : stranger ? NO_SECRETS : resolve()),
              params: () => params,
              // Which files there are is the controller's to know: it adds the near miss.
              exists: () => undefined,
              changed: async () => undefined,
              started: () => undefined,
              follow: readAlong({ queue, followers, onError }, run),
            },
            { ...job, upstream: () => undefined },
            signal,
          );
          // Whoever hears of the end signs what it names, and has no other way to make it durable.
          await store.barrier();
          return end;
        })
        .finally(() => underWay.delete(here));
      const end = await attempted;
      const failure = end.kind === "failed" ? end.failure.kind : undefined;
      parts.log?.info({ ...here, end: end.kind, failure, ms: clock.now() - here.since }, "attempt");
      return encodeEnd(end);
    },
  });
  const told: WorkerNotice = {
    ...notice,
    // Who could only fail what it takes would draw most of the pool's attempts.
    get slots() {
      return ready() ? notice.slots : 0;
    },
    get underWay() {
      return [...underWay];
    },
  };
  const announced = await announceWorker(queue.table, poolQueue(parts.pool), told, onError);
  return {
    async [Symbol.asyncDispose]() {
      // First nobody counts on it any more, then it ends what it has.
      await announced.close();
      await consumer.close();
      await followers.close();
      await executor[Symbol.asyncDispose]();
      await strangers[Symbol.asyncDispose]();
      await environments[Symbol.asyncDispose]();
    },
  };
}

/** What a span says of an attempt: names alone, because a trace leaves the house. */
function about({ run, step, attempt }: UnderWay): Readonly<Record<string, string | number>> {
  return { "sluice.run": run, "sluice.step": step, "sluice.attempt": attempt };
}

/** Whoever handed the attempt out should have said so. */
const NONE: SecretValues = { kind: "ok", values: {} };

const NO_SECRETS: SecretValues = {
  kind: "refused",
  failure: {
    kind: "refused",
    why: "it asks for secrets, and nothing of a fork gets one",
    next: "run it after the merge",
  },
};

function demandOf(payload: Json): Room {
  const { step, memoryBytes } = decodeAttempt(payload).job;
  return roomOf(step.step, memoryBytes);
}

/** What this machine offers: a slot is worth a core even where there are fewer. */
function noticeOf({ concurrency, version }: WorkerParts): WorkerNotice {
  const constrained = process.constrainedMemory();
  const memoryBytes = constrained > 0 ? Math.min(constrained, totalmem()) : totalmem();
  const gpus = readdirSync("/dev").filter((name) => /^nvidia\d+$/.test(name)).length;
  const room = { cpu: Math.max(availableParallelism(), concurrency), memoryBytes, gpus };
  return { slots: concurrency, room, version, host: hostname(), pid: process.pid };
}

/** Waits for what takes a moment, and for no longer where it hangs. */
async function shortly(ended: Promise<void>, clock: WorkerParts["clock"]): Promise<void> {
  const over = new AbortController();
  await Promise.race([ended, clock.wait(TRIED_WITHIN_MS, over.signal)]);
  over.abort();
}

/** Built from their locks, in a sandbox where steps have one. */
function openEnvironments({ data, path, store, variable }: WorkerParts): BuiltEnvironments {
  const here = isolationHere("auto");
  return builtEnvironments({
    directory: servicePaths(data).environments,
    path,
    read: (lock) => store.read(lock),
    variable,
    sandboxed: here.kind === "possible" && here.isolation === "sandbox",
  });
}

function openExecutor(
  { data, path, concurrency, store, kubernetes, onError }: WorkerParts,
  environments: BuiltEnvironments,
): { readonly executor: Executor } & Pick<ProcessExecutor, "ready" | "tried"> {
  const directory = servicePaths(data).work;
  const materialize: Store["materialize"] = (record, target) => store.materialize(record, target);
  const options = {
    directory,
    sandbox: "auto",
    slots: concurrency,
    environments,
    materialize,
    launcherPath: programPath("launcher"),
    path,
    onDrift: undefined,
    onError,
  } as const;
  const plain = processExecutor(options);
  if ("kind" in plain) throw new Error(plain.why);
  const here = withSlurm(withContainers(plain, options), { ...options, onError, stays: true });
  const pool = kubernetes && { pool: kubernetes, data, directory, slots: concurrency, materialize, onError };
  return { executor: withKubernetes(here, pool), ready: () => plain.ready(), tried: plain.tried };
}

/** For what forks bring, whatever pool it comes through. */
function openStrangers({ data, store }: WorkerParts): Executor {
  const directory = servicePaths(data).work;
  const materialize: Store["materialize"] = (record, target) => store.materialize(record, target);
  return strangerExecutor({ directory, materialize, launcherPath: programPath("launcher") });
}

const LOGS = {
  tail: (path: string, bytes: number): string => readTail(path, bytes)?.toString("utf8") ?? "",
  size: (path: string): number => statSync(path, { throwIfNoEntry: false })?.size ?? 0,
  kept: keptLog,
};
