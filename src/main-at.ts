import type { Service } from "./main-service.ts";
import type { InTurn } from "./main-turns.ts";
import type { Followers } from "./queue/followers.ts";
import type { Performed, Queue } from "./queue/queue.ts";

/** What the hands of a service reach for. */
export interface At {
  readonly service: Service;
  readonly queue: Queue;
  readonly inTurn: InTurn;
  /** Who reads along with a run. */
  readonly followers: Pick<Followers, "of">;
}

export const DONE: Performed = { kind: "done" };

export function again(afterMs: number, why?: string): Performed {
  return { kind: "again", afterMs, ...(why !== undefined && { why }) };
}
