import { existsSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";

/** Clocks of single processes, set by libfaketime: what they measure durations with goes on as it is. */
export interface Clocks {
  /** Environment of process `which`. */
  env(which: number): Readonly<Record<string, string>>;
  /** So many seconds away from the right time. */
  set(which: number, seconds: number): void;
}

const LIBRARIES = ["/usr/lib", "/usr/lib64", "/usr/lib/x86_64-linux-gnu", "/usr/lib/aarch64-linux-gnu"];

/** Undefined where libfaketime is not installed. */
export function faketimeLibrary(): string | undefined {
  return LIBRARIES.map((directory) => join(directory, "faketime", "libfaketimeMT.so.1")).find(existsSync);
}

export function startClocks(directory: string, library: string): Clocks {
  const file = (which: number): string => join(directory, `clock-${which}`);
  const set: Clocks["set"] = (which, seconds) => {
    const fresh = `${file(which)}.new`;
    writeFileSync(fresh, `${seconds < 0 ? "" : "+"}${seconds}\n`);
    renameSync(fresh, file(which));
  };
  return {
    env(which) {
      set(which, 0);
      return {
        LD_PRELOAD: library,
        FAKETIME_TIMESTAMP_FILE: file(which),
        FAKETIME_CACHE_DURATION: "1",
        FAKETIME_DONT_FAKE_MONOTONIC: "1",
        FAKETIME_DONT_RESET: "1",
      };
    },
    set,
  };
}
