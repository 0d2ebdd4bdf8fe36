import { verifyRuns, type VerifyOrder } from "../../controller/verify-runs.ts";
import type { Git } from "../../git/git.ts";
import { checkOf } from "./check-of.ts";
import { inThread } from "./thread.ts";
import type { VerifiedRun } from "../../manifest/verify.ts";

/** What a thread is given. */
export interface VerifyShare {
  readonly root: string;
  readonly order: VerifyOrder;
}

/** Fewer runs are verified before a thread would have started. */
const WORTH_A_THREAD = 500;

/** Verifies runs on all processors of the machine. */
export async function verifyEverywhere(git: Git, order: VerifyOrder, cpus: number): Promise<readonly VerifiedRun[]> {
  const threads = Math.min(cpus, Math.floor(order.runs.length / WORTH_A_THREAD));
  if (threads < 2) return verifyRuns(git, order, await checkOf(order));
  const size = Math.ceil(order.runs.length / threads);
  const shares = Array.from({ length: threads }, (_, at) => order.runs.slice(at * size, (at + 1) * size));
  const verified = await Promise.all(
    shares.map((runs) => {
      const share: VerifyShare = { root: git.root, order: { ...order, runs } };
      return inThread<readonly VerifiedRun[]>("verifier", share);
    }),
  );
  return verified.flat();
}
