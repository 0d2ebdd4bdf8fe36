import { parentPort, workerData } from "node:worker_threads";

import { verifyRuns } from "../../controller/verify-runs.ts";
import { openGit } from "../../git/open-git.ts";
import { checkOf } from "./check-of.ts";
import type { VerifyShare } from "./verify.ts";

/** A thread that verifies one share of a ledger's runs and says what it found. */
const { root, order } = workerData as VerifyShare;
const opened = await openGit(root);
if (opened.kind === "refused") throw new Error(opened.why);
// oxlint-disable-next-line unicorn/require-post-message-target-origin -- a thread's port is no window
parentPort?.postMessage(await verifyRuns(opened.git, order, await checkOf(order)));
