/** What a requirements file pins to the byte, in a form that can do nothing else. */
export type LockedRequirements =
  | {
      readonly kind: "ok";
      readonly packages: readonly string[];
      /** Where the lock says that packages are found. */
      readonly indexes: readonly string[];
    }
  | { readonly kind: "bad"; readonly line: number; readonly why: string };

const HASH = /\s--hash[=\s](sha(?:256|384|512):[0-9a-f]+)(?=\s|$)/g;
const REQUIREMENT =
  /^[A-Za-z0-9](?:[\w.-]*[A-Za-z0-9])?\s*(?:\[[\w\s,.-]*\])?\s*(?:===?\s*[\w.!+-]+|@\s*https:\/\/[^\s$]+\.whl)\s*(?:;[\w\s"'.<>=!~(),-]+)?$/;
const INDEX = /^(?:-i|-f|--index-url|--extra-index-url|--find-links)[=\s]\s*https?:\/\/[^\s$]+$/;
const HOST = /^--trusted-host[=\s]\s*[\w.:-]+$/;
/** Where Python ends a line and JavaScript does not: pip would read a line that was not judged here. */
const HIDDEN = /[^\P{C}\t]|[\u2028\u2029]/u;
/** Said in any case: packages come as wheels, with their hashes. */
const IMPLIED = /^(?:--require-hashes|--prefer-binary|--pre|--only-binary[=\s]\s*\S+)$/;

/**
 * Reads a requirements file as a worker installs it: each package by version and hash, so that the lock's digest says what
 * is there. Everything that would read other files, run a package's own code or fill in variables is refused.
 */
export function lockedRequirements(text: string): LockedRequirements {
  const hidden = text.split(/\r?\n/).findIndex((raw) => HIDDEN.test(raw));
  if (hidden >= 0) return { kind: "bad", line: hidden + 1, why: "it has a character that nobody sees" };
  const packages: string[] = [];
  const indexes: string[] = [];
  for (const { line, words } of logicalLines(text)) {
    if (IMPLIED.test(words)) continue;
    if (INDEX.test(words) || HOST.test(words)) {
      indexes.push(words);
      continue;
    }
    const hashes = Array.from(` ${words}`.matchAll(HASH), ([, hash]) => `--hash=${hash}`);
    const bare = ` ${words}`.replaceAll(HASH, "").trim();
    if (!REQUIREMENT.test(bare)) return { kind: "bad", line, why: `\`${shown(bare)}\` ${whyNot(bare)}` };
    if (hashes.length === 0) return { kind: "bad", line, why: `\`${shown(bare)}\` has no hash` };
    packages.push([bare, ...hashes].join(" "));
  }
  return { kind: "ok", packages, indexes };
}

function whyNot(words: string): string {
  if (/^(?:-r|-c|--requirement|--constraint)/.test(words)) return "is another file, which the key does not hold";
  if (/^(?:-e|--editable)/.test(words) || /^[./]/.test(words)) return "is a directory, which the key does not hold";
  if (/^--no-binary|@/.test(words)) return "is built from its source, and workers install wheels only";
  if (/^\[\[?\w/.test(words)) return "is no line of a requirements file";
  if (words.startsWith("-")) return "is no option that a lock may have";
  return "is no package by its version (`name==1.2.3`)";
}

function shown(words: string): string {
  return words.replaceAll(/[`\p{C}]/gu, "").slice(0, 80);
}

/** Lines as pip joins them, without comments and blank ones. */
function logicalLines(text: string): readonly { readonly line: number; readonly words: string }[] {
  const found: { line: number; words: string }[] = [];
  let open: { line: number; words: string } | undefined;
  for (const [at, raw] of text.split(/\r?\n/).entries()) {
    const continues = raw.endsWith("\\") && !/^\s*#/.test(raw);
    const words = (continues ? raw.slice(0, -1) : raw).replace(/(?:^|\s)#.*$/, "");
    if (open === undefined) open = { line: at + 1, words };
    else open.words += ` ${words}`;
    if (continues) continue;
    found.push({ line: open.line, words: open.words.trim().replaceAll(/\s+/g, " ") });
    open = undefined;
  }
  if (open !== undefined) found.push({ line: open.line, words: open.words.trim().replaceAll(/\s+/g, " ") });
  return found.filter(({ words }) => words !== "");
}
