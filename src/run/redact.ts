/** What stands in place of a secret. */
const MASK = "***";
/** Shorter values would mask ordinary words. */
const SHORTEST = 4;

/** A text without the given secrets, in their plain, base64, hex and URL forms. */
export function redact(text: string, secrets: readonly string[]): string {
  const forms = secrets.filter((secret) => secret.length >= SHORTEST).flatMap(formsOf);
  return forms.sort((a, b) => b.length - a.length).reduce((clean, form) => clean.replaceAll(form, MASK), text);
}

function formsOf(secret: string): readonly string[] {
  const bytes = Buffer.from(secret, "utf8");
  const base64 = bytes.toString("base64");
  return [
    ...new Set([
      secret,
      base64,
      base64.replace(/=+$/, ""),
      bytes.toString("base64url"),
      bytes.toString("hex"),
      bytes.toString("hex").toUpperCase(),
      encodeURIComponent(secret),
      JSON.stringify(secret).slice(1, -1),
    ]),
  ].filter((form) => form.length >= SHORTEST);
}
