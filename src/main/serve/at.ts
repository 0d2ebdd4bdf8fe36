import type { RunId } from "../../identity/identity.ts";
import type { Service } from "./parts.ts";
import type { Joined } from "./joined.ts";
import type { InTurn } from "./turns.ts";
import type { Followers } from "../../queue/followers.ts";
import type { Performed, Queue } from "../../queue/queue.ts";
import { CONTROLLER_QUEUE, jobOf } from "../../trigger/job.ts";
import type { Trigger } from "../../trigger/trigger.ts";

/** What the hands of a service reach for. */
export interface At {
  readonly service: Service;
  readonly queue: Queue;
  readonly inTurn: InTurn;
  /** Reports of pull requests that wait for their turn. */
  readonly reports: Joined<Reported>;
  /** When a live release was last found whole in the store (ms), by its run. */
  readonly whole: Map<RunId, number>;
  /** Who reads along with a run. */
  readonly followers: Pick<Followers, "of">;
}

/** `over`: the pull request is closed. */
export type Reported = Performed | "over";

export const DONE: Performed = { kind: "done" };

/** Leads to another look as a job of its own: however many want one, it is taken once, and none of them waits for it. */
export async function wake(
  { queue }: Pick<At, "queue">,
  trigger: Extract<Trigger, { kind: "reconcile" | "promotions" }>,
): Promise<void> {
  await queue.jobs.add(CONTROLLER_QUEUE, [jobOf(trigger, "look")]);
}

export function again(afterMs: number, why?: string): Performed {
  return { kind: "again", afterMs, ...(why !== undefined && { why }) };
}
