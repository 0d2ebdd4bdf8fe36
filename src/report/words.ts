import type { Digest, RunId } from "../identity/identity.ts";

/** Shortens a run id as far as it stays unique; the ledger's reader knows how far. */
export type ShortId = (id: RunId) => string;

/** The first four characters: enough where nothing else is known. */
export const fourCharacters: ShortId = (id) => id.slice(0, 4);

/** `1 step`, `2 steps`. */
export function counted(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? "" : "s"}`;
}

/** `1st`, `2nd`, `3rd`, `11th`. */
export function ordinal(count: number): string {
  const tens = count % 100;
  const suffix = tens >= 11 && tens <= 13 ? "th" : (["th", "st", "nd", "rd"][count % 10] ?? "th");
  return `${count}${suffix}`;
}

/** `a, b and c`; at most `max` items are named. */
export function listed(items: readonly string[], max = 5): string {
  const shown = items.length > max ? [...items.slice(0, max - 1), `${items.length - max + 1} more`] : items;
  const last = shown.at(-1) ?? "";
  return shown.length < 2 ? last : `${shown.slice(0, -1).join(", ")} and ${last}`;
}

/** The seven characters by which people know a commit or digest. */
export function shortDigest(digest: Digest | string): string {
  return digest.replace(/^sha256:/, "").slice(0, 7);
}

/** RFC 3339 as `2026-11-24 00:38`, UTC, to the minute. */
export function formatTime(rfc3339: string): string {
  return rfc3339.slice(0, 16).replace("T", " ");
}

/** `>= 0.95` as it is written by hand. */
export function comparison(gate: string): string {
  return gate.replace(">=", "≥").replace("<=", "≤").replace("==", "=");
}

export function formatUsd(amount: number): string {
  return amount > 0 && amount < 0.005 ? "under $0.01" : `$${amount.toFixed(2)}`;
}

/** One JSON document for programs, versioned, with a final newline. */
export function jsonDocument(members: Readonly<Record<string, unknown>>): string {
  return `${JSON.stringify({ version: 1, ...members }, null, 2)}\n`;
}
