import { again, DONE, type At } from "./main-at.ts";
import type { ForgeRepository } from "./main-forge-repository.ts";
import { takePromotions } from "./main-promotion-hand.ts";
import type { Performed } from "./queue/queue.ts";
import { desire } from "./worker.ts";

/** What waits longer is found by the next look, which comes every minute. */
const MINUTE = 60_000;

/** One look at a repository's promotions at a time: two would ask for the same pull request. */
export async function promotions(at: At, repository: ForgeRepository): Promise<Performed> {
  const { id, installation } = repository.forge.repository;
  const lease = await at.queue.leases.acquire(`promotions-${id}`, { ttlMs: 120_000, holder: String(process.pid) });
  if (lease === undefined) return again(1_000);
  try {
    const looked = await takePromotions(at.service, repository);
    await desire(at.queue, installation, looked.states, repository.forge.repository);
    return looked.again === null || looked.again > MINUTE ? DONE : again(looked.again);
  } finally {
    await lease.release();
  }
}
