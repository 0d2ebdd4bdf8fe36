import { LONGEST_GLOB } from "./glob.ts";
import { shorten } from "../problem/shorten.ts";

/** Why a path cannot stand in a pipeline: absolute, leaving the repository, or reserved; undefined when it can. */
export function refusePath(
  written: string,
): { readonly code: string; readonly message: string; readonly next: string } | undefined {
  const parts = written.split("/").filter((part) => part !== "" && part !== ".");
  if (written.startsWith("/") || written.startsWith("~") || /^[A-Za-z]:[\\/]/.test(written)) {
    return {
      code: "absolute-path",
      message: `\`${shorten(written)}\` is not a path inside the repository`,
      next: "write it relative to the repository's root",
    };
  }
  if (parts.includes("..")) {
    return {
      code: "outside-path",
      message: `\`${shorten(written)}\` leaves the workspace`,
      next: "keep it inside the repository",
    };
  }
  if (written.includes("\\") || hasControl(written)) {
    return {
      code: "bad-path",
      message: `\`${JSON.stringify(written).slice(1, -1)}\` is no portable path`,
      next: "use `/` and no control characters",
    };
  }
  if (parts.length === 0)
    return {
      code: "bad-path",
      message: "the whole repository cannot stand here",
      next: "name a directory or files below it",
    };
  if (parts[0] === ".git" || parts[0] === ".sluice") {
    return {
      code: "reserved-path",
      message: `\`${shorten(written)}\` belongs to ${parts[0] === ".git" ? "git" : "Sluice"}`,
      next: "choose another path",
    };
  }
  return undefined;
}

/** Why a glob is none of ours: only `*`, `**`, `?` and a leading `!` mean something; undefined when it is one. */
export function refuseGlob(
  written: string,
): { readonly code: string; readonly message: string; readonly next: string } | undefined {
  if (written.length > LONGEST_GLOB && /[*?]/.test(written))
    return {
      code: "glob-syntax",
      message: `a glob of ${written.length} characters is longer than the ${LONGEST_GLOB} that are read`,
      next: "write a wider one",
    };
  if (!/[{}[\]]|[@!+*?]\(/.test(written)) return undefined;
  const braces = /^([^{}]*)\{([^{}]+)\}([^{}]*)$/.exec(written);
  const [, before = "", choices = "", after = ""] = braces ?? [];
  const each = choices
    .split(",")
    .slice(0, 5)
    .map((choice) => `\`${before}${choice}${after}\``);
  return {
    code: "glob-syntax",
    message: `\`${shorten(written)}\` uses more than the \`*\`, \`**\`, \`?\` and leading \`!\` that a glob has here`,
    next:
      braces === null
        ? 'write the paths one by one, or a wider glob and a quoted `"!…"`'
        : `write one item each: ${each.join(", ")}`,
  };
}

/** A path in its only form: `/` between names, NFC, without `.`, doubled or trailing slashes. */
export function cleanPath(path: string): string {
  return path
    .split("/")
    .filter((part) => part !== "" && part !== ".")
    .join("/")
    .normalize("NFC");
}

function hasControl(text: string): boolean {
  return Array.from(text).some((character) => character < " " || character === "\u007f");
}
