import { lstatSync, rmSync, writeFileSync } from "node:fs";

/**
 * Makes an attempt's log a file again where its step put something else in its place: a link would show a file of the
 * machine to whoever reads the log, and have the next attempt write to it. For when nothing of the step runs any more.
 */
export function keepPlain(log: string): void {
  if (lstatSync(log, { throwIfNoEntry: false })?.isFile() === true) return;
  rmSync(log, { recursive: true, force: true });
  writeFileSync(log, "", { flag: "wx" });
}
