import { mkdirSync } from "node:fs";
import { basename } from "node:path";

import { digestOf } from "../identity/identity.ts";
import { endedBefore, endedBySystem } from "./attempt-end.ts";
import type { Attempt, AttemptEnd, AttemptOrder, Executor } from "./executor.ts";
import type { Cluster } from "./kubernetes-cluster.ts";
import { kubernetesJobs } from "./kubernetes-jobs.ts";
import { endOrphans } from "./kubernetes-orphans.ts";
import { makePlace, type KubernetesExecutorOptions } from "./kubernetes-place.ts";
import { runAsJob, type Worker } from "./kubernetes-run.ts";
import { permitsFor } from "./permits.ts";
import { GONE_AFTER_MS, placesOf, startPulse } from "./pulse.ts";
import { removeTree } from "./remove-tree.ts";
import { stage, undeclaredWrites } from "./workspace.ts";

const EVERY_MS = 1_000;

/**
 * Steps as Jobs of Kubernetes: an image by digest in a pod without token, capabilities or a root to write to, the
 * workspace by a volume that the worker shares with the nodes. Jobs of workers that are gone are ended.
 */
export function kubernetesExecutor(cluster: Cluster, options: KubernetesExecutorOptions): Executor {
  mkdirSync(options.directory, { recursive: true });
  const permits = permitsFor(options.slots);
  const running = new Set<Promise<unknown>>();
  const pulse = startPulse(options.directory, "kubernetes", options.onError);
  const service = labelOf(`${options.pool.claim}:${options.pool.path}`);
  const name = labelOf(`${service}:${basename(pulse.path)}`);
  const awaited = new Set<string>();
  const jobs = kubernetesJobs(cluster, name, options.everyMs ?? EVERY_MS);
  const worker: Worker = { cluster, options, jobs, pulse, service, name, awaited };
  const sweep = (): Promise<void> => endOrphans(cluster, { service, pulse, awaited }).catch(options.onError);
  let sweeping = sweep();
  const timer = setInterval(() => {
    sweeping = sweeping.then(sweep);
  }, GONE_AFTER_MS / 3).unref();
  return {
    isolation: "container",
    why: `steps run as Jobs of Kubernetes in the namespace ${cluster.namespace}`,
    ahead: options.slots,
    async start(order, signal) {
      await permits.take();
      try {
        const attempt = begin(worker, order, signal);
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
      pulse.close();
    },
  };
}

function begin(worker: Worker, order: AttemptOrder, signal: AbortSignal): Attempt {
  const { options, pulse } = worker;
  const place = makePlace(options, placesOf(pulse.path));
  const staging = stage(place.workspace, order, {
    materialize: options.materialize,
    sandboxed: true,
    left: new Set(),
  });
  const ended = (async (): Promise<AttemptEnd> => {
    const staged = await staging;
    if ("missing" in staged) {
      const why = `the bytes of \`${staged.missing}\` are not there any more`;
      return endedBefore(staged.diskFull ? { kind: "disk-full", path: staged.missing } : { kind: "lost", why });
    }
    return runAsJob(worker, place, { order, signal });
  })().catch((error: unknown) => endedBySystem(error, "it could not be run here"));
  return {
    workspace: place.workspace,
    log: place.log,
    isolation: "container",
    ended,
    async undeclared() {
      const staged = await staging;
      return "missing" in staged ? [] : undeclaredWrites(place.workspace, order, staged).undeclared;
    },
    async dispose() {
      const end = await ended.catch(() => undefined);
      // Where a pod may still write, it stays until its worker is gone and so are its Jobs.
      if (end?.lingers !== true) removeTree(place.root);
    },
  };
}

/** What the cluster takes as the value of a label, whatever stands in the text. */
function labelOf(text: string): string {
  return digestOf(text).slice("sha256:".length, "sha256:".length + 32);
}
