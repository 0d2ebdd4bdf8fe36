import { chmodSync, lstatSync, readdirSync, statSync, writeFileSync } from "node:fs";
import { basename, dirname, join } from "node:path";

import { openUp, removeTree } from "./remove-tree.ts";

/**
 * Makes an attempt's log a file again where its step put something else in its place: a link would show a file of the
 * machine to whoever reads the log, and have the next attempt write to it; one without rights would be read by nobody. For
 * when nothing of the step runs any more.
 */
export function keepPlain(log: string): void {
  openUp(dirname(log));
  const stat = lstatSync(log, { throwIfNoEntry: false });
  if (stat?.isFile() === true) {
    if ((stat.mode & 0o600) !== 0o600) chmodSync(log, 0o600);
    return;
  }
  if (stat !== undefined) removeTree(log);
  writeFileSync(log, "", { flag: "wx" });
}

/** An empty log with nothing beside it: what a step left there is not the next one's to read. */
export function beginLog(log: string): void {
  keepPlain(log);
  for (const name of readdirSync(dirname(log))) if (name !== basename(log)) removeTree(join(dirname(log), name));
  if (statSync(log).size !== 0) writeFileSync(log, "");
}
