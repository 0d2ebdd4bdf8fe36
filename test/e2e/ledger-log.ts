import { existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { join } from "node:path";

import { git } from "../../src/twin/bare.ts";

const LEDGER = "refs/heads/sluice/ledger";
const known = new Map<string, string>();

/**
 * What `git log` says of the ledger, empty where there is none. Whoever waits asks many times a second: git is started
 * where the ledger moved since, and else the file of its ref is read.
 */
export async function ledgerLog(
  { directory }: { readonly directory: string },
  format = "--format=%s%n%b",
): Promise<string> {
  const tip = await readFile(join(directory, LEDGER), "utf8").catch(() => "");
  const bare = existsSync(join(directory, "HEAD")) && !existsSync(join(directory, "packed-refs"));
  if (tip === "" && bare) return "";
  const key = `${tip}${format}`;
  const told = tip === "" ? undefined : known.get(key);
  if (told !== undefined) return told;
  // In a clone of somebody's, and where refs lie packed, only git knows the tip.
  const log = await git(directory, ["log", format, tip.trim() || LEDGER, "--"]).catch(() => "");
  if (tip !== "" && log !== "") known.set(key, log);
  return log;
}
