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
  const forms = new Set(secrets.filter((secret) => secret.length >= SHORTEST).flatMap(formsOf));
  return [...forms].toSorted((a, b) => b.length - a.length).reduce((clean, form) => clean.replaceAll(form, MASK), text);
}

/** A failure whose words hold none of the secrets; its kind stays. */
export function redactFailure(failure: Failure, secrets: readonly string[]): Failure {
  if (secrets.length === 0) return failure;
  const clean = (name: string, value: unknown): unknown =>
    typeof value === "string" && name !== "kind" ? redact(value, secrets) : value;
  return JSON.parse(JSON.stringify(failure, clean)) as Failure;
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
