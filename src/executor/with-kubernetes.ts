import { neverBegun } from "./attempt-end.ts";
import type { Executor } from "./executor.ts";
import type { KubernetesExecutorOptions } from "./kubernetes-place.ts";
import type { Failure } from "../run/run-record.ts";

/** Steps with `executor: kubernetes` as Jobs, where a cluster is named; all others as before. Null: none is. */
export function withKubernetes(plain: Executor, options: KubernetesExecutorOptions | null): Executor {
  let opened: Promise<Executor | Failure> | undefined;

  /** What speaks to the cluster is loaded when the first step needs it; one that was not there may be later. */
  async function open(given: KubernetesExecutorOptions): Promise<Executor | Failure> {
    try {
      const executor = await executorHere(given);
      if ("kind" in executor) opened = undefined;
      return executor;
    } catch (error) {
      opened = undefined;
      throw error;
    }
  }

  // Jobs that others left behind are ended from the start.
  if (options !== null) {
    opened = open(options);
    opened.catch(options.onError);
  }
  return {
    isolation: plain.isolation,
    why: plain.why,
    ahead: plain.ahead,
    async start(order, signal) {
      if (order.batch?.system !== "kubernetes") return plain.start(order, signal);
      if (options === null) return neverBegun(NO_CLUSTER);
      const executor = await (opened ??= open(options));
      return "kind" in executor ? neverBegun(executor) : executor.start(order, signal);
    },
    async [Symbol.asyncDispose]() {
      await plain[Symbol.asyncDispose]();
      const executor = await opened?.catch(() => undefined);
      if (executor !== undefined && !("kind" in executor)) await executor[Symbol.asyncDispose]();
    },
  };
}

async function executorHere(options: KubernetesExecutorOptions): Promise<Executor | Failure> {
  const { clusterHere } = await import("./kubernetes-cluster.ts");
  const found = await clusterHere(options.pool.namespace);
  if (found.kind !== "cluster") return found;
  const { kubernetesExecutor } = await import("./kubernetes-executor.ts");
  return kubernetesExecutor(found.cluster, options);
}

const NO_CLUSTER: Failure = {
  kind: "refused",
  why: "it runs as a Job of Kubernetes (`executor: kubernetes`), and this worker has no cluster",
  next: "push it to a service whose pool has `kubernetes:`, whose workers get SLUICE_CONFIG, or write `executor: container`",
};
