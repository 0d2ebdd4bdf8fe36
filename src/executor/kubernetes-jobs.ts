import type { V1Pod } from "@kubernetes/client-node";

import type { Failure } from "../run/run-record.ts";
import type { Cluster } from "./kubernetes-cluster.ts";
import { WORKER_LABEL } from "./kubernetes-document.ts";
import type { Seen } from "./kubernetes-stand.ts";

/** What one look at the cluster shows of one attempt, or why nothing has been seen for long. */
export type Look = ({ readonly kind: "seen" } & Seen) | Failure;

/** Looks after the Jobs of one worker, all with one question. */
export interface KubernetesJobs {
  /** Tells of a Job after every look, until it is said that this is enough. */
  watch(job: string, see: (look: Look) => void): { over(): void };
}

/** An API server may be away for an upgrade; its Jobs run on. */
const SILENCE_MS = 300_000;
/** An account may lose its rights for a moment, while they are written anew. */
const BARRED_MS = 10_000;
const JOB_LABEL = "job-name";

interface Watched {
  readonly see: (look: Look) => void;
  /** The pod that is the attempt: another one of the same Job would be another attempt. */
  pod: string | undefined;
}

/** Asks every `everyMs` while there is a Job to ask for, never twice at a time. */
export function kubernetesJobs(cluster: Cluster, worker: string, everyMs: number): KubernetesJobs {
  const watched = new Map<string, Watched>();
  let asking = false;
  let answeredAt = performance.now();

  async function look(): Promise<void> {
    const asked = [...watched];
    const told = await cluster.list(`${WORKER_LABEL}=${worker}`);
    if (told.kind !== "listed") {
      const patienceMs = told.kind === "refused" ? BARRED_MS : SILENCE_MS;
      if (performance.now() - answeredAt > patienceMs) for (const [, { see }] of asked) see(told);
      return;
    }
    answeredAt = performance.now();
    const jobs = new Map(told.jobs.map((job) => [job.metadata?.name ?? "", job]));
    for (const [name, one] of asked) {
      if (watched.get(name) !== one) continue;
      const pods = told.pods.filter(({ metadata }) => metadata?.labels?.[JOB_LABEL] === name);
      const pod = theFirst(pods, one);
      one.pod ??= pod?.metadata?.uid;
      // Where its pod was taken away, whatever the Job makes next is not this attempt.
      one.see({ kind: "seen", job: one.pod !== undefined && pod === undefined ? undefined : jobs.get(name), pod });
    }
  }

  async function keepLooking(): Promise<void> {
    answeredAt = performance.now();
    while (watched.size > 0) {
      await new Promise((resolve) => setTimeout(resolve, everyMs));
      await look();
    }
    asking = false;
  }

  return {
    watch(job, see) {
      const one: Watched = { see, pod: undefined };
      watched.set(job, one);
      if (!asking) {
        asking = true;
        void keepLooking();
      }
      return {
        over() {
          if (watched.get(job) === one) watched.delete(job);
        },
      };
    },
  };
}

function theFirst(pods: readonly V1Pod[], { pod }: Watched): V1Pod | undefined {
  if (pod !== undefined) return pods.find(({ metadata }) => metadata?.uid === pod);
  return pods.toSorted((a, b) => bornAt(a) - bornAt(b))[0];
}

function bornAt({ metadata }: V1Pod): number {
  return Number(metadata?.creationTimestamp ?? 0);
}
