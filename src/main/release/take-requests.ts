import {
  requestPromotions,
  type Newest,
  type Requested,
  type RequestOrder,
} from "../../controller/request-promotions.ts";
import { leave, newestRuns } from "./promotion-hand.ts";
import type { Place } from "./promotion-place.ts";
import { record } from "./record-releases.ts";

/** Merged pull requests whose labels ask for nothing. */
export type LabelledChanges = Pick<RequestOrder, "late" | "elsewhere">;

/** Records what is asked for and not on the ledger yet. */
export async function takeRequests(
  place: Place,
  labelled: (newest: readonly Newest[]) => Promise<LabelledChanges>,
): Promise<Pick<Requested, "refused" | "decided">> {
  const { repository } = place;
  const newest = await newestRuns(place);
  const requested = await requestPromotions(
    {
      forge: repository.forge,
      mayPromote: (login) => leave(place, "promote").asks(login),
    },
    {
      environments: place.project.settings.environments,
      states: await place.repository.releases.states(),
      newest,
      ...(await labelled(newest)),
      branch: place.branch,
      recorded: await repository.releases.events(),
      at: new Date(place.now).toISOString(),
    },
  );
  await record(place, requested.events);
  return requested;
}
