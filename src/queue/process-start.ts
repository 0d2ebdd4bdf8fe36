import { readFileSync } from "node:fs";

/** When a process began, so that a reused number is not taken for the old holder; empty when it is gone. */
export function processStart(pid: number): string {
  try {
    const fields = readFileSync(`/proc/${pid}/stat`, "utf8").split(") ").at(-1)?.split(" ") ?? [];
    // A zombie holds nothing; in a container there may be nobody who buries it.
    return fields[0] === "Z" ? "" : (fields[19] ?? "");
  } catch {
    try {
      process.kill(pid, 0);
      return process.platform === "linux" ? "" : "alive";
    } catch {
      return "";
    }
  }
}
