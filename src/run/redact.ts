import type { Failure } from "./run-record.ts";

/** What stands in place of a secret. */
const MASK = "***";
/** Shorter values would mask ordinary words. */
const SHORTEST = 4;

/**
 * A text without the given secrets: plain, as base64 (also in the middle of something longer, such as `user:secret`), hex,
 * URL and JSON. The whole text at once: a secret that was written in pieces is one again here.
 */
export function redact(text: string, secrets: readonly string[]): string {
  const redactor = redactorOf(allForms(secrets), 0);
  return redactor.push(text) + redactor.end();
}

/** Takes secrets out of what comes in pieces: whatever one may begin in is kept back until the rest of it is there. */
export interface Redactor {
  /** The length of the longest form of a secret: more than that is never kept back. */
  readonly longest: number;
  push(piece: string): string;
  end(): string;
}

/**
 * The same over bytes, each a character of latin1: what is no UTF-8 stays as it was written. `before`: so many bytes at
 * the beginning are only there to be looked at, and are left out.
 */
export function redactorOfBytes(secrets: readonly string[], before = 0): Redactor {
  const forms = allForms(secrets).map((form) => Buffer.from(form, "utf8").toString("latin1"));
  return redactorOf(forms, before);
}

function redactorOf(forms: readonly string[], before: number): Redactor {
  const longest = forms.reduce((most, form) => Math.max(most, form.length), 0);
  let held = "";
  /** So much of what is held is masked or left out already. */
  let covered = before;

  /** What begins before `until` can be seen in full. */
  function release(until: number): string {
    let clean = "";
    for (const { start, end } of spansOf(held, forms, until)) {
      if (start >= covered) clean += `${held.slice(covered, start)}${MASK}`;
      covered = Math.max(covered, end);
    }
    clean += held.slice(covered, until);
    held = held.slice(until);
    covered = Math.max(0, covered - until);
    return clean;
  }

  /** From where on a form may have begun whose rest is still to come. */
  function unsure(): number {
    for (let at = Math.max(0, held.length - longest); at < held.length; at++) {
      const begun = held.slice(at);
      if (forms.some((form) => form.length > begun.length && form.startsWith(begun))) return at;
    }
    return held.length;
  }

  return {
    longest,
    push(piece) {
      held += piece;
      return release(unsure());
    },
    end: () => release(held.length),
  };
}

interface Span {
  readonly start: number;
  end: number;
}

/** Where any form stands, in order; they may overlap. */
function spansOf(text: string, forms: readonly string[], until: number): readonly Span[] {
  const spans: Span[] = [];
  for (const form of forms) {
    let last: Span | undefined;
    for (let at = text.indexOf(form); at >= 0 && at < until; at = text.indexOf(form, at + 1)) {
      if (last !== undefined && at < last.end) last.end = at + form.length;
      else spans.push((last = { start: at, end: at + form.length }));
    }
  }
  return spans.sort((a, b) => a.start - b.start);
}

/** A failure whose words hold none of the secrets; its kind stays. */
export function redactFailure(failure: Failure, secrets: readonly string[]): Failure {
  if (secrets.length === 0) return failure;
  const clean = (name: string, value: unknown): unknown =>
    typeof value === "string" && name !== "kind" ? redact(value, secrets) : value;
  return JSON.parse(JSON.stringify(failure, clean)) as Failure;
}

function allForms(secrets: readonly string[]): readonly string[] {
  return [...new Set(secrets.filter((secret) => secret.length >= SHORTEST).flatMap(formsOf))];
}

function formsOf(secret: string): readonly string[] {
  const bytes = Buffer.from(secret, "utf8");
  const url = encodeURIComponent(secret.toWellFormed());
  const hex = bytes.toString("hex");
  return [
    secret,
    ...base64Forms(bytes),
    hex,
    hex.toUpperCase(),
    url,
    url.replaceAll(/%[0-9A-F]{2}/g, (escape) => escape.toLowerCase()),
    // What forms send: `+` for a space, and more escaped than encodeURIComponent does.
    new URLSearchParams([["", secret]]).toString().slice(1),
    JSON.stringify(secret).slice(1, -1),
  ].filter((form) => form.length >= SHORTEST);
}

/** Three bytes make four characters: a secret inside a longer text stands in one of three alignments. */
function base64Forms(bytes: Buffer): readonly string[] {
  const forms = [bytes.toString("base64"), bytes.toString("base64").replace(/=+$/, ""), bytes.toString("base64url")];
  for (const before of [0, 1, 2]) {
    const padded = Buffer.concat([Buffer.alloc(before), bytes])
      .toString("base64")
      .replace(/=+$/, "");
    // The first and last characters hold bits of what stands around it.
    const inner = padded.slice(before === 0 ? 0 : before + 1, (before + bytes.length) % 3 === 0 ? undefined : -1);
    // A short piece of base64 is an ordinary word.
    if (inner.length >= 2 * SHORTEST) forms.push(inner, inner.replaceAll("+", "-").replaceAll("/", "_"));
  }
  return forms;
}
