import { safeLine } from "./safe-text.ts";

const NAMED: Readonly<Record<string, string>> = { amp: "&", lt: "<", gt: ">", quot: '"' };

/** One sentence of our own Markdown as a terminal shows it: escapes undone, what splits links taken out. */
export function plainText(markdown: string, max = 600): string {
  const text = markdown.replace(
    /\\([!-/:-@[-`{-~])|&(?:#(\d{1,7})|(\w{1,8}));/g,
    (whole: string, escaped, code, name) => {
      if (typeof escaped === "string") return escaped;
      if (typeof code === "string")
        return code === "8203" ? "" : String.fromCodePoint(Math.min(Number(code), 0x10ffff));
      return typeof name === "string" && Object.hasOwn(NAMED, name) ? (NAMED[name] ?? "") : whole;
    },
  );
  return safeLine(text.replaceAll("\u200B", ""), max);
}

/** What commands were answered with in a comment of ours, oldest first. */
export function answersIn(body: string): readonly string[] {
  return body.split("\n").flatMap((line) => (line.startsWith("> ") ? [plainText(line.slice(2))] : []));
}
