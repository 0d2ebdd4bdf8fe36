import type { Json } from "../identity/canonical-json.ts";
import { digestOf, hexOf, parseRunId } from "../identity/identity.ts";
import { checkEnvelope } from "../manifest/dsse.ts";
import { parseLedgerHeader } from "../manifest/ledger-header.ts";
import { LEDGER_HEADER, manifestPath, signaturePath } from "../manifest/ledger-paths.ts";
import { parseManifest } from "../manifest/parse-manifest.ts";
import { eventSignaturePath, parseEvent } from "./release-event.ts";
import { isReproductionPath, parseReproduction } from "./reproduction.ts";
import { verifyEvent } from "./verify-event.ts";
import { verifyReproduction } from "./verify-reproduction.ts";

/** Something on a ledger that Sluice did not write, or that it wrote and somebody took away. */
export type Stray =
  | { readonly kind: "record"; readonly path: string; readonly why: string }
  | { readonly kind: "taken"; readonly path: string }
  /** The ledger's header names a key that is not ours: whoever trusts the header trusts it. */
  | { readonly kind: "key"; readonly keyId: string };

/** Whose word counts on a ledger. */
export interface LedgerOwner {
  readonly repository: string;
  /** Public keys (PEM) by key id. */
  readonly keys: ReadonlyMap<string, string>;
}

export type Files = ReadonlyMap<string, Uint8Array>;

const EVENT = /^(releases\/[^/]+\/[^/]+\/[0-9a-f]{32})(?:\.sig|\.sigstore)?\.json$/;
const RUN = /^runs\/..\/..\/([^/]+)\/(?:[^/]+\.json|tree\/.+)$/;
const REPRODUCTION = /^(runs\/..\/..\/[^/]+\/reproductions\/[0-9a-f]{32})(?:\.sig|\.sigstore)?\.json$/;
const KEY = /^keys\/..\/..\/([0-9a-f]{64})\.json$/;

/** The record that a path of a ledger belongs to, by the path of its first file. */
export function subjectOf(path: string): string {
  const signed = (EVENT.exec(path) ?? REPRODUCTION.exec(path))?.[1];
  if (signed !== undefined) return `${signed}.json`;
  const run = parseRunId(RUN.exec(path)?.[1] ?? "");
  return run === undefined ? path : manifestPath(run);
}

/** Files that say whether a record is ours. */
export function filesOf(subject: string): readonly string[] {
  return [subject, ...(signatureOf(subject) ?? [])];
}

function signatureOf(subject: string): readonly [string] | undefined {
  if (EVENT.test(subject) || isReproductionPath(subject)) return [eventSignaturePath(subject)];
  const run = parseRunId(RUN.exec(subject)?.[1] ?? "");
  return run === undefined ? undefined : [signaturePath(run)];
}

/** What is wrong with a record that changed, as it was before (empty where nobody looked before) and as it is now. */
export function straysAt(
  subject: string,
  { before, now }: { readonly before: Files; readonly now: Files },
  owner: LedgerOwner,
): readonly Stray[] {
  if (subject === LEDGER_HEADER) return strangersIn({ before, now }, owner);
  const why = objection(subject, now, owner);
  if (why !== undefined) return [{ kind: "record", path: subject, why }];
  const gone = !now.has(subject) && before.has(subject) && objection(subject, before, owner) === undefined;
  return gone ? [{ kind: "taken", path: subject }] : [];
}

/** Whether something that was found once is so still. */
export function isStray(stray: Stray, now: Files, owner: LedgerOwner): boolean {
  switch (stray.kind) {
    case "record":
      return objection(stray.path, now, owner) !== undefined;
    case "taken":
      return !now.has(stray.path) || objection(stray.path, now, owner) !== undefined;
    case "key":
      return !owner.keys.has(stray.keyId) && keysIn(now).has(stray.keyId);
    default:
      return stray satisfies never;
  }
}

/** Where the files of a stray stand. */
export function placeOf(stray: Stray): string {
  return stray.kind === "key" ? LEDGER_HEADER : stray.path;
}

/** Why a record is none of ours; undefined where it is, where it is another repository's, or where it is not there. */
function objection(subject: string, files: Files, owner: LedgerOwner): string | undefined {
  const payload = files.get(subject);
  const [signature] = signatureOf(subject) ?? [];
  const envelope = signature === undefined ? undefined : files.get(signature);
  if (payload === undefined) return envelope === undefined ? undefined : "only its signature is there";
  const key = KEY.exec(subject)?.[1];
  if (key !== undefined) return hexOf(digestOf(payload)) === key ? undefined : "it has other bytes than its name says";
  if (EVENT.test(subject)) return eventObjection({ path: subject, payload, envelope }, owner);
  if (isReproductionPath(subject)) return reproductionObjection({ path: subject, payload, envelope }, owner);
  if (RUN.test(subject)) return runObjection(payload, envelope, owner);
  return "Sluice writes no such file";
}

function eventObjection(entry: Parameters<typeof verifyEvent>[0], owner: LedgerOwner): string | undefined {
  const verified = verifyEvent(entry, owner.keys, owner.repository);
  if (verified.kind === "valid") return undefined;
  const of = parseEvent(entry.payload)?.repository ?? owner.repository;
  return of === owner.repository ? verified.why : undefined;
}

function reproductionObjection(
  entry: Parameters<typeof verifyReproduction>[0],
  owner: LedgerOwner,
): string | undefined {
  const verified = verifyReproduction(entry, owner);
  if (verified.kind === "valid") return undefined;
  const of = parseReproduction(entry.payload)?.repository ?? owner.repository;
  return of === owner.repository ? verified.why : undefined;
}

function runObjection(payload: Uint8Array, envelope: Uint8Array | undefined, owner: LedgerOwner): string | undefined {
  const checked = envelope === undefined ? undefined : checkEnvelope(envelope, payload, owner.keys);
  if (checked?.kind === "valid") return undefined;
  const parsed = parseManifest(payload, () => undefined);
  if (parsed.kind === "ok" && parsed.record.repository !== owner.repository) return undefined;
  if (checked === undefined) return "it is not signed";
  return checked.kind === "invalid"
    ? checked.why
    : `it is signed by a key that is not ours (${checked.keyId.slice(0, 12)})`;
}

/** Keys come by our records and with a ledger that was imported; what is added to ours otherwise is nobody's. */
function strangersIn(
  { before, now }: { readonly before: Files; readonly now: Files },
  { keys, repository }: LedgerOwner,
): readonly Stray[] {
  const was = parseLedgerHeader(before.get(LEDGER_HEADER) ?? new Uint8Array());
  if (was.kind !== "ok" || was.value.repository !== repository) return [];
  return [...keysIn(now)]
    .filter((keyId) => !keys.has(keyId) && !was.value.keys.has(keyId))
    .map((keyId) => ({ kind: "key", keyId }));
}

function keysIn(files: Files): ReadonlySet<string> {
  const header = parseLedgerHeader(files.get(LEDGER_HEADER) ?? new Uint8Array());
  return new Set(header.kind === "ok" ? header.value.keys.keys() : []);
}

/** A stray as a table keeps it. */
export function strayFrom(value: Json): Stray | undefined {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return undefined;
  const { kind, path, why, keyId } = value as Readonly<Record<string, Json>>;
  if (kind === "record" && typeof path === "string" && typeof why === "string") return { kind, path, why };
  if (kind === "taken" && typeof path === "string") return { kind, path };
  return kind === "key" && typeof keyId === "string" ? { kind, keyId } : undefined;
}
