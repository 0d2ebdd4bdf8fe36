import type { Pool } from "pg";

import type { Json } from "../identity/canonical-json.ts";
import type { Jobs } from "./queue.ts";

const EVERY_MS = 1000;

/**
 * Brings back wake-ups that BullMQ set aside and forgot. What is added while its predecessor runs waits in
 * `dedup_next`; the end of the predecessor makes it a job. When both commit at the same moment, the end does not see
 * it, and it stays behind without a predecessor: a state that has no other cause.
 */
export function keepWakeUps(
  pool: Pool,
  jobs: Pick<Jobs, "add">,
  onError: (error: unknown) => void,
): { close(): Promise<void> } {
  let looking: Promise<void> | undefined;

  async function look(): Promise<void> {
    const { rows } = await pool.query<{ queue: string; id: string; payload: string | null; priority: number | null }>(
      `delete from bullmq.dedup_next n
       where not exists (select from bullmq.dedup d where d.queue = n.queue and d.dedup_id = n.dedup_id)
       returning n.queue, n.dedup_id as id, n.payload->'data'->>'payload' as payload,
         (n.payload->'opts'->>'priority')::int as priority`,
    );
    for (const { queue, id, payload, priority } of rows) {
      const job = { id, payload: JSON.parse(payload ?? "null") as Json, ...(priority !== null && { priority }) };
      await jobs.add(queue, [job]);
    }
  }

  const timer = setInterval(() => {
    looking ??= look()
      .catch(onError)
      .finally(() => (looking = undefined));
  }, EVERY_MS).unref();
  return {
    async close() {
      clearInterval(timer);
      await looking;
    },
  };
}
