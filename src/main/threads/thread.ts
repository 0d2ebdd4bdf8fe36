import { once } from "node:events";
import { Worker } from "node:worker_threads";

import { programPath, type ThreadProgram } from "./programs.ts";

/** Young objects of a thread that goes through much short-lived data are seldom looked through in so much memory (MiB). */
const YOUNG_MB = 96;

/** Starts one of our threads with what it is to do and answers what it says, which is one message. */
export async function inThread<Answer>(program: ThreadProgram, order: unknown): Promise<Answer> {
  const thread = new Worker(programPath(program), {
    workerData: order,
    resourceLimits: { maxYoungGenerationSizeMb: YOUNG_MB },
  });
  try {
    const [answer] = (await once(thread, "message")) as [Answer];
    return answer;
  } finally {
    await thread.terminate();
  }
}
