import { readFileSync, realpathSync, statSync } from "node:fs";
import { isAbsolute, sep } from "node:path";

import type { SecretRead, Secrets } from "./secrets.ts";

const LARGEST = 65_536;
/** Here a file's text is some process's own: its environment, its memory. */
const SYSTEM = ["/proc", "/sys", "/dev"];

/**
 * Files, such as those that an orchestrator mounts; one line end after the value does not count. `own` are directories
 * of ours (keys, store): nothing below them is anybody's secret, by whatever link it is reached.
 */
export function fileSecrets(own: readonly string[]): Secrets {
  return {
    read(source) {
      const path = source.slice("file:".length);
      if (!source.startsWith("file:") || !isAbsolute(path))
        return { kind: "refused", why: "names no file", next: "write it as `file:/path` in `secrets:`" };
      try {
        return readBelow(realpathSync(path), [...SYSTEM, ...own.map(realOf)]);
      } catch (error) {
        const code = error instanceof Error && "code" in error ? String(error.code) : "an error";
        return { kind: "refused", why: `cannot be read here (${code})`, next: "put it where the worker runs" };
      }
    },
  };
}

function readBelow(real: string, closed: readonly string[]): SecretRead {
  if (closed.some((directory) => real === directory || real.startsWith(`${directory}${sep}`)))
    return { kind: "refused", why: "is Sluice's or the system's own", next: "keep the secret in another file" };
  const stat = statSync(real);
  if (!stat.isFile() || stat.size > LARGEST)
    return { kind: "refused", why: "is no file of at most 64 KiB", next: "keep the value alone in a file" };
  const value = readFileSync(real, "utf8").replace(/\r?\n$/, "");
  if (value === "") return { kind: "refused", why: "is empty", next: "write the value into it" };
  return { kind: "ok", value };
}

function realOf(directory: string): string {
  try {
    return realpathSync(directory);
  } catch {
    return directory;
  }
}
