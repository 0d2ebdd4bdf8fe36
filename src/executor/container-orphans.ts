import { join } from "node:path";

import { ask, type Engine } from "./container-engine.ts";
import { isAbandoned } from "./work-place.ts";

const PREFIX = "sluice-";

/** Of an attempt's place: other machines' workers may ask the same engine. */
export function containerName(place: string): string {
  return `${PREFIX}${place}`;
}

/** Removes containers of workers that are gone and could not do it themselves; `now` in ms since 1970. */
export async function removeOrphans(engine: Engine, directory: string, now: number): Promise<void> {
  const filter = `name=^${PREFIX}container-`;
  const { stdout } = await ask(engine, ["ps", "--all", "--filter", filter, "--format", "{{.Names}}"]);
  const orphans = stdout
    .split("\n")
    .filter((name) => name.startsWith(PREFIX) && isAbandoned(join(directory, name.slice(PREFIX.length)), now));
  for (const name of orphans) await ask(engine, ["rm", "--force", "--volumes", name]);
}
