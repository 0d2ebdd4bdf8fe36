import { SETTINGS_PATH, settingsErrors } from "../../controller/project.ts";
import { SETTLED, together, type Looked } from "../../forge/looked.ts";
import { withdraw } from "../../controller/withdraw.ts";
import type { Place } from "./promotion-place.ts";
import { keepHolds } from "./promotion-renamed.ts";
import { record } from "./record-releases.ts";
import { foldEvents } from "../../release/environment-state.ts";
import { renamesOf, type Renames } from "../../release/renames.ts";

/**
 * Ends what was asked of environments that the default branch has no more, and of pipelines that are called otherwise there
 * by now; settings that cannot be read end nothing.
 */
export async function withdrawAbandoned(place: Place): Promise<Looked> {
  const { settings, pipelines: files } = place.project;
  const renames = renamesOf(files.map(({ pipeline }) => pipeline));
  await keepHolds(place, renames);
  if (settingsErrors(place.project).length > 0) return SETTLED;
  const ended: Looked[] = [];
  // By the names under which it was asked for.
  for (const [environment, { pipelines }] of foldEvents(await place.repository.releases.events())) {
    const isThere = settings.environments.some(({ name }) => name === environment);
    for (const [pipeline, { request }] of pipelines) {
      const ending = isThere ? renamed({ environment, pipeline }, renames) : gone({ environment, pipeline });
      if (request === null || ending === undefined) continue;
      const { why, next, what } = ending;
      ended.push(
        await withdraw(
          { forge: place.repository.forge, record: (events) => record(place, events) },
          { environment, pipeline, request, why, next, cause: `${what}:${place.tip}/${request.cause}`, now: place.now },
        ),
      );
    }
  }
  return together(ended);
}

interface Asked {
  readonly environment: string;
  readonly pipeline: string;
}

interface Ending {
  readonly why: string;
  readonly next: string;
  readonly what: "environment-gone" | "pipeline-renamed";
}

function gone({ environment, pipeline }: Asked): Ending {
  return {
    why: `${SETTINGS_PATH} on the default branch has no environment ${environment} any more`,
    next: `bring it back there and ask again by /sluice promote ${environment} ${pipeline}, or leave it`,
    what: "environment-gone",
  };
}

function renamed({ environment, pipeline }: Asked, renames: Renames): Ending | undefined {
  const now = renames.get(pipeline);
  if (now === undefined) return undefined;
  return {
    why: `${pipeline} is called ${now} on the default branch by now`,
    next: `ask again by /sluice promote ${environment} ${now}`,
    what: "pipeline-renamed",
  };
}
