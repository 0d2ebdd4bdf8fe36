import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";

import { whereWritable } from "../../result/unwritable.ts";

/** Whoever works in a repository adds all that stands there next; what is ours there is no part of it. */
export function keepOutOfGit(directory: string): void {
  const path = join(directory, ".gitignore");
  if (existsSync(path)) return;
  whereWritable(() => {
    mkdirSync(directory, { recursive: true });
    writeFileSync(path, "*\n");
  });
}
