import type { ReleaseEvent } from "./release-event.ts";
import { verifyEvent, type EventEntry, type VerifiedEvent } from "./verify-event.ts";

/**
 * Events of a ledger that count, each looked at once for as long as its bytes are the same: a look reads all of them
 * again, and a signature takes longer than all the rest.
 */
export function eventMemory(
  publicKeys: ReadonlyMap<string, string>,
  repository: string,
): (entries: readonly EventEntry[]) => readonly ReleaseEvent[] {
  const known = new Map<string, { readonly entry: EventEntry; readonly verified: VerifiedEvent }>();
  const countedOf = (entry: EventEntry): readonly ReleaseEvent[] => {
    const before = known.get(entry.path);
    if (before !== undefined && isSame(before.entry, entry)) return countedIn(before.verified);
    const verified = verifyEvent(entry, publicKeys, repository);
    known.set(entry.path, { entry, verified });
    return countedIn(verified);
  };
  let last: { readonly entries: readonly EventEntry[]; readonly counted: readonly ReleaseEvent[] } | undefined;
  return (entries) => {
    if (last?.entries !== entries) last = { entries, counted: entries.flatMap(countedOf) };
    return last.counted;
  };
}

function countedIn(verified: VerifiedEvent): readonly ReleaseEvent[] {
  return verified.kind === "valid" ? [verified.event] : [];
}

function isSame(a: EventEntry, b: EventEntry): boolean {
  if (a === b) return true;
  if (a.envelope === undefined || b.envelope === undefined) return false;
  return Buffer.compare(a.payload, b.payload) === 0 && Buffer.compare(a.envelope, b.envelope) === 0;
}
