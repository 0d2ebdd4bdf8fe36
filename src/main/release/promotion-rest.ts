import { together, type Looked } from "../../forge/looked.ts";
import { tellReleased } from "./deployments.ts";
import { tellForced } from "./forced.ts";
import { followPins } from "./pins.ts";
import { withdrawAbandoned } from "./promotion-abandoned.ts";
import type { Place } from "./promotion-place.ts";

/** What there is to do and to tell once no promotion goes any further. */
export async function takeRest(
  place: Place,
  { released, news }: { readonly released: boolean; readonly news: ReadonlySet<string> },
): Promise<Looked> {
  const { environments } = place.project.settings;
  const looks: Looked[] = [];
  looks.push(await withdrawAbandoned(place));
  looks.push({ states: tellForced(environments, await place.repository.releases.states()), again: null });
  looks.push({ states: await tellReleased(place, await place.repository.releases.states(), news), again: null });
  // What was merged just now may not be in the tip that this look knows.
  if (!released) looks.push(await followPins(place, await place.repository.releases.states()));
  return together(looks);
}
