import { again, DONE, type At } from "./main-at.ts";
import type { ForgeRepository } from "./main-forge-repository.ts";
import { tellMissing } from "./main-missing.ts";
import { takeOffline } from "./main-offline.ts";
import { takeDeployments } from "./main-deployments.ts";
import { LOOK_AGAIN_MS } from "./main-orders.ts";
import { placeOf } from "./main-promotion-place.ts";
import { takePromotions } from "./main-promotion-hand.ts";
import { tellRefusedLabels } from "./main-refused-labels.ts";
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
    const place = await placeOf(at.service, repository);
    if (place === undefined) return DONE;
    // Before anything is decided or deployed: what was done meanwhile is a part of what is.
    const offline = await takeOffline(at, place);
    const looked = await takePromotions(place);
    // A promotion that was merged just now has moved the tip.
    const after = looked.released ? await placeOf(at.service, repository) : place;
    const deployed = after === undefined ? [] : await takeDeployments(at, after);
    await desire(
      at.queue,
      installation,
      [...offline, ...looked.states, ...tellRefusedLabels(looked.refused), ...(deployed ?? [])],
      repository.forge.repository,
    );
    await tellMissing(at, place).catch(at.service.parts.onError);
    if (deployed === undefined) return again(LOOK_AGAIN_MS);
    return looked.again === null || looked.again > MINUTE ? DONE : again(looked.again);
  } finally {
    await lease.release();
  }
}
