import type { RepositoryRef } from "../../identity/repository.ts";
import { again, DONE, type At } from "../serve/at.ts";
import type { ForgeRepository } from "../serve/forge-repository.ts";
import { tellTaken } from "../serve/notices.ts";
import { forgetLabelled, labelledChanges } from "./late-changes.ts";
import { tellMissing } from "./missing.ts";
import { takeOffline } from "./offline.ts";
import { takeDeployments } from "./deployments.ts";
import { LOOK_AGAIN_MS } from "../run/orders.ts";
import { placeOf } from "./promotion-place.ts";
import { NotRecordedNow } from "./record-releases.ts";
import { takePromotions } from "./promotion-hand.ts";
import { tellRefusedLabels } from "./refused-labels.ts";
import { tellDrift } from "../serve/notices.ts";
import type { Performed } from "../../queue/queue.ts";
import { desire } from "../../worker.ts";

/** What waits longer is found by the next look, which comes every minute. */
const MINUTE = 60_000;
/** The forge could not be asked, or the ledger took nothing: whoever waits for a release waits no longer than this. */
const LATER_MS = 5_000;

/**
 * Does what changes a repository's environments in turn: two looks at once would ask for the same pull request, and what
 * somebody holds while another look merges would be crossed. To be done again where another process takes long, or
 * the ledger takes nothing.
 */
export async function inPromotionsTurn<Value>(
  at: At,
  { id }: RepositoryRef,
  work: (lost: AbortSignal) => Promise<Value>,
): Promise<Value | Extract<Performed, { kind: "again" }>> {
  try {
    return (await at.inTurn(`promotions-${id}`, work)) ?? { kind: "again", afterMs: 1_000 };
  } catch (error) {
    if (!(error instanceof NotRecordedNow)) throw error;
    return { kind: "again", afterMs: LATER_MS, why: error.message };
  }
}

/** Takes every promotion of a repository as far as it goes now. */
export async function promotions(at: At, repository: ForgeRepository): Promise<Performed> {
  return inPromotionsTurn(at, repository.forge.repository, (lost) => promotionsNow(at, repository, lost));
}

async function promotionsNow(at: At, repository: ForgeRepository, lost: AbortSignal): Promise<Performed> {
  const placed = await placeOf(at.service, repository, lost);
  if (placed.kind === "later") return again(LATER_MS, placed.why);
  if (placed.kind === "none") return DONE;
  const { place } = placed;
  // Before anything is decided or deployed: what was done meanwhile is a part of what is.
  const offline = await takeOffline(at, place);
  if (offline === undefined) return again(LOOK_AGAIN_MS);
  const news = new Set(offline.taken.map(({ environment, pipeline }) => `${environment}/${pipeline ?? ""}`));
  await tellTaken(at, repository, offline.taken).catch(at.service.parts.onError);
  const looked = await takePromotions(place, news, (newest) => labelledChanges(at, place, newest));
  // A promotion that was merged just now has moved the tip.
  const after = looked.released ? await placeOf(at.service, repository, lost) : placed;
  const deployed = after.kind === "place" && !lost.aborted ? await takeDeployments(at, after.place, news) : undefined;
  await desire(
    at.queue,
    repository.forge.repository.installation,
    [...offline.states, ...looked.states, ...tellRefusedLabels(looked.refused), ...(deployed ?? [])],
    repository.forge.repository,
  );
  await forgetLabelled(at, place, looked.decided);
  await tellDrift(at, repository, looked.states).catch(at.service.parts.onError);
  await tellMissing(at, place).catch(at.service.parts.onError);
  if (deployed === undefined) return again(LOOK_AGAIN_MS);
  // Not before all of it is told: until then the next look finds it as new.
  await offline.forget();
  return looked.again === null || looked.again > MINUTE ? DONE : again(looked.again);
}
