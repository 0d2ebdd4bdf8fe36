import { SETTINGS_PATH, settingsErrors } from "../../controller/project.ts";
import { SETTLED, together, type Looked } from "../../forge/looked.ts";
import { withdraw } from "../../controller/withdraw.ts";
import type { Place } from "./promotion-place.ts";
import { record } from "./record-releases.ts";

/** Ends what was asked of environments that the default branch has no more; settings that cannot be read end nothing. */
export async function withdrawAbandoned(place: Place): Promise<Looked> {
  const { settings } = place.project;
  if (settingsErrors(place.project).length > 0) return SETTLED;
  const ended: Looked[] = [];
  for (const [environment, { pipelines }] of await place.repository.releases.states()) {
    if (settings.environments.some(({ name }) => name === environment)) continue;
    for (const [pipeline, { request }] of pipelines) {
      if (request === null) continue;
      ended.push(
        await withdraw(
          { forge: place.repository.forge, record: (events) => record(place, events) },
          {
            environment,
            pipeline,
            request,
            why: `${SETTINGS_PATH} on the default branch has no environment ${environment} any more`,
            next: `bring it back there and ask again by /sluice promote ${environment} ${pipeline}, or leave it`,
            cause: `environment-gone:${place.tip}/${request.cause}`,
            now: place.now,
          },
        ),
      );
    }
  }
  return together(ended);
}
