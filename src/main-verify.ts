import { once } from "node:events";
import { Worker } from "node:worker_threads";

import { verifyRuns, type VerifyOrder } from "./controller/verify-runs.ts";
import type { Git } from "./git/git.ts";
import { programPath } from "./main-programs.ts";
import type { VerifiedRun } from "./manifest/verify.ts";

/** What a thread is given. */
export interface VerifyShare {
  readonly root: string;
  readonly order: VerifyOrder;
}

/** Fewer runs are verified before a thread would have started. */
const WORTH_A_THREAD = 500;
/** Manifests live shortly: a young generation that holds some dozens of them is seldom gone through (MiB). */
const YOUNG_MB = 96;

/** Verifies runs on all processors of the machine. */
export async function verifyEverywhere(git: Git, order: VerifyOrder, cpus: number): Promise<readonly VerifiedRun[]> {
  const threads = Math.min(cpus, Math.floor(order.runs.length / WORTH_A_THREAD));
  if (threads < 2) return verifyRuns(git, order);
  const size = Math.ceil(order.runs.length / threads);
  const shares = Array.from({ length: threads }, (_, at) => order.runs.slice(at * size, (at + 1) * size));
  const verified = await Promise.all(shares.map((runs) => aside({ root: git.root, order: { ...order, runs } })));
  return verified.flat();
}

async function aside(share: VerifyShare): Promise<readonly VerifiedRun[]> {
  const thread = new Worker(programPath("main-verifier"), {
    workerData: share,
    resourceLimits: { maxYoungGenerationSizeMb: YOUNG_MB },
  });
  try {
    const [verified] = (await once(thread, "message")) as [readonly VerifiedRun[]];
    return verified;
  } finally {
    await thread.terminate();
  }
}
