import { readdirSync, readFileSync, readlinkSync } from "node:fs";

/** Processes that have to do with a directory, by command, working directory or environment; this one is not counted. */
export function processesOf(directory: string): readonly string[] {
  return readdirSync("/proc").flatMap((pid) => {
    if (!/^\d+$/.test(pid) || Number(pid) === process.pid) return [];
    const command = read(`/proc/${pid}/cmdline`).replaceAll("\0", " ").trim();
    const places = [command, link(`/proc/${pid}/cwd`), read(`/proc/${pid}/environ`)];
    return places.some((text) => text.includes(directory)) ? [`${pid} ${command}`] : [];
  });
}

function read(path: string): string {
  try {
    return readFileSync(path, "latin1");
  } catch {
    return "";
  }
}

function link(path: string): string {
  try {
    return readlinkSync(path);
  } catch {
    return "";
  }
}
