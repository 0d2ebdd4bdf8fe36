import { readlinkSync } from "node:fs";
import { hostname } from "node:os";

/** Where a process number means something: this machine, or this container of it. */
export function processSpace(): string {
  return `${hostname().replaceAll(/[^\w.]/g, "_")}-${pidNamespace()}`;
}

/** Empty where the system has none. */
function pidNamespace(): string {
  try {
    return /\d+/.exec(readlinkSync("/proc/self/ns/pid"))?.[0] ?? "";
  } catch {
    return "";
  }
}

/** True where no process of this space has the number. */
export function hasEnded(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return false;
  } catch (error) {
    return error instanceof Error && "code" in error && error.code === "ESRCH";
  }
}
