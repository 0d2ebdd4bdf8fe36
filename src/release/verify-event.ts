import { EVENT_TYPE, eventPath, parseEvent, type ReleaseEvent } from "./release-event.ts";
import { signedBy } from "./signed-by.ts";

/** One event as the ledger has it. */
export interface EventEntry {
  readonly path: string;
  readonly payload: Uint8Array;
  /** Undefined for an unsigned event, which counts for nothing. */
  readonly envelope: Uint8Array | undefined;
}

export type VerifiedEvent =
  | { readonly kind: "valid"; readonly event: ReleaseEvent; readonly keyId: string }
  | { readonly kind: "refused"; readonly path: string; readonly why: string };

/** An event counts when one of our keys signed exactly these bytes for this repository and it stands where it belongs. */
export function verifyEvent(
  { path, payload, envelope }: EventEntry,
  publicKeys: ReadonlyMap<string, string>,
  repository: string,
): VerifiedEvent {
  const parsed = parseEvent(payload);
  if (parsed === undefined) return { kind: "refused", path, why: "it is no event of a format known here" };
  const { event } = parsed;
  if (parsed.repository !== null && parsed.repository !== repository)
    return { kind: "refused", path, why: `it is of another repository (${parsed.repository})` };
  if (eventPath(event) !== path) return { kind: "refused", path, why: "it stands where another event belongs" };
  const signed = signedBy({ payload, envelope }, publicKeys, EVENT_TYPE);
  if (signed.kind === "refused") return { kind: "refused", path, why: signed.why };
  return { kind: "valid", event, keyId: signed.keyId };
}
