import type { Place } from "./promotion-place.ts";
import { record } from "./record-releases.ts";
import { foldEvents, standingOf } from "../../release/environment-state.ts";
import type { ReleaseEvent } from "../../release/release-event.ts";
import type { Renames } from "../../release/renames.ts";

/**
 * Writes holds of former names down under those of now: a file that is taken away or broken later says no more what its
 * pipeline was called, and the hold stays.
 */
export async function keepHolds(place: Place, renames: Renames): Promise<void> {
  if (renames.size === 0) return;
  const { releases } = place.repository;
  const written = foldEvents(await releases.events());
  const kept: ReleaseEvent[] = [];
  for (const [environment, state] of await releases.states())
    for (const pipeline of new Set(renames.values())) {
      const { hold } = standingOf(state, pipeline);
      if (hold === null || standingOf(written.get(environment), pipeline).hold !== null) continue;
      kept.push({
        kind: "held",
        environment,
        pipeline,
        run: null,
        evidence: null,
        by: hold.by,
        cause: `renamed:${hold.at}`,
        // When it was said: what was merged after that is no older than the hold.
        at: hold.at,
        reason: hold.reason,
        pullRequest: null,
        deployment: null,
        revokes: null,
      });
    }
  await record(place, kept);
}
