import { statSync } from "node:fs";
import { join } from "node:path";

/** Directories of a store whose modification means that results came or went. */
const STAMPED = ["local", "main", "pr"]
  .flatMap((domain) => [`results/${domain}`, `revocations/${domain}`])
  .concat("evicted", "lost");
const TICK_NS = 20_000_000n;

/** Tells two states of a store in a directory apart; undefined while one may still pass for the other. */
export function stampOf(store: string): string | undefined {
  const young = BigInt(Date.now()) * 1_000_000n - TICK_NS;
  const parts: string[] = [];
  for (const name of STAMPED) {
    const stat = statSync(join(store, name), { bigint: true, throwIfNoEntry: false });
    if (stat !== undefined && stat.mtimeNs > young) return undefined;
    parts.push(stat === undefined ? "-" : `${stat.ino}.${stat.mtimeNs}`);
  }
  return parts.join(" ");
}
