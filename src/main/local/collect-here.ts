import { existsSync } from "node:fs";
import { join } from "node:path";

import { EXIT, Refusal } from "../../cli/exit.ts";
import type { World } from "../../cli/world.ts";
import { removeTree } from "../../executor/remove-tree.ts";
import { removeAbandoned } from "../../executor/work-place.ts";
import { collect, type CollectedHere } from "../../store/collect.ts";
import { USERS, type Kept } from "../../store/collector.ts";

/** A part of main.ts: removes from a clone's store what nothing names, unless others use it whose ledgers are not here. */
export function collectHere({ config, clock }: World, root: string, kept: Kept): Promise<CollectedHere> {
  const shared = "a store that is shared is kept by its service";
  if (config.storeUrl !== undefined)
    throw new Refusal(EXIT.usage, `${shared}\n  next: env -u SLUICE_STORE_URL sluice gc`);
  if (existsSync(join(root, USERS)))
    throw new Refusal(EXIT.usage, `${shared}: ${root}\n  next: another \`store: { path: … }\` in sluice.yaml`);
  return collect(root, kept, {
    remove: async (path) => removeTree(path),
    removeAbandoned: (directory) => removeAbandoned(directory, clock.now()),
  });
}
