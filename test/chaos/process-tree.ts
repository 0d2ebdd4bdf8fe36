import { readFileSync } from "node:fs";

/** The processes above one, nearest first. */
export function ancestorsOf(pid: number): readonly number[] {
  const found: number[] = [];
  for (let at = parentOf(pid); at > 1; at = parentOf(at)) found.push(at);
  return found;
}

function parentOf(pid: number): number {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
    return Number(stat.slice(stat.lastIndexOf(")") + 2).split(" ")[1]);
  } catch {
    return 0;
  }
}

/** Words of its command line; none when it is gone. */
export function commandOf(pid: number): readonly string[] {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, "utf8").split("\0");
  } catch {
    return [];
  }
}
