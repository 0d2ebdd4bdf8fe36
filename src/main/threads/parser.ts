import { parentPort, workerData } from "node:worker_threads";

import { parsePipeline } from "../../pipeline/parse-pipeline.ts";
import type { Source } from "../../pipeline/parsed.ts";

/** A thread that parses pipeline files and says what is in them, in their order. */
// oxlint-disable-next-line unicorn/require-post-message-target-origin -- a thread's port is no window
parentPort?.postMessage((workerData as readonly Source[]).map(parsePipeline));
