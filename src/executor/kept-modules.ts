import type { Digest } from "../identity/identity.ts";
import { lockedModules, type LockedModules, type Machine } from "./locked-modules.ts";

/** How many locks are kept: a worker's steps have few, and each may be large. */
const KEPT = 4;

/** What locks of npm hold for this machine. */
export interface KeptModules {
  readonly machine: () => Machine;
  readonly read: (digest: Digest, text: string) => LockedModules;
}

/** Keeps those read last: a lock of many packages takes long to read, and most steps have one that a step before had. */
export function keptModules(): KeptModules {
  const kept = new Map<Digest, LockedModules>();
  let here: Machine | undefined;
  const machine = (): Machine => (here ??= { os: process.platform, cpu: process.arch, libc: libcHere() });
  return {
    machine,
    read(digest, text) {
      const found = kept.get(digest) ?? lockedModules(text, machine());
      kept.delete(digest);
      kept.set(digest, found);
      for (const oldest of kept.keys()) if (kept.size > KEPT) kept.delete(oldest);
      return found;
    },
  };
}

/** As npm tells it. */
function libcHere(): string {
  // Otherwise it may ask for the names of all hosts that are connected.
  Object.assign(process.report, { excludeNetwork: true });
  const report = process.report.getReport() as {
    readonly header?: { readonly glibcVersionRuntime?: string };
    readonly sharedObjects?: readonly string[];
  };
  if (report.header?.glibcVersionRuntime !== undefined) return "glibc";
  return report.sharedObjects?.some((path) => /libc\.musl-|ld-musl-/.test(path)) === true ? "musl" : "";
}
