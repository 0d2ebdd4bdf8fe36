import { copyFileSync, mkdirSync, statSync } from "node:fs";
import { join } from "node:path";

import { whereWritable } from "../../result/unwritable.ts";
import { installed } from "./installed.ts";

const NAMES = ["pipeline.schema.json", "settings.schema.json"];

/** Keeps the schemas that editors check a repository's files against those of the Sluice that reads them. */
export function refreshSchemas(directory: string): void {
  const own = installed("pipelines-schema");
  for (const name of NAMES) {
    const from = statSync(join(own, name), { throwIfNoEntry: false });
    const to = statSync(join(directory, name), { throwIfNoEntry: false });
    if (from === undefined || (to?.size === from.size && to.mtimeMs >= from.mtimeMs)) continue;
    whereWritable(() => {
      mkdirSync(directory, { recursive: true });
      copyFileSync(join(own, name), join(directory, name));
    });
  }
}
