import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join, posix } from "node:path";

const BEGIN = "# >>> sluice: outputs of pipelines (managed, edit outside this block)";
const END = "# <<< sluice";
/** Git compares every file with every pattern: from this many outputs of one directory on, one pattern covers them. */
const TOGETHER = 50;

interface Pattern {
  readonly directory: string;
  readonly prefix: string;
  /** Null: the name is the prefix, and nothing else. */
  readonly suffix: string | null;
}

/** Adds outputs to the one marked block of `.git/info/exclude`; what stood in it stays. */
export function addToExclude(gitDirectory: string, outputs: readonly string[]): void {
  const path = join(gitDirectory, "info", "exclude");
  const text = read(path);
  const from = text.indexOf(BEGIN);
  const to = text.indexOf(END, from);
  const there = from < 0 || to < 0 ? [] : text.slice(from + BEGIN.length, to).split("\n");
  const lines = patterns([...there.flatMap(parse), ...outputs.map(exact)]).map(written);
  const block = [BEGIN, "/.sluice/", ...lines, END].join("\n");
  const next =
    from < 0 || to < 0
      ? `${text}${text === "" || text.endsWith("\n") ? "" : "\n"}${block}\n`
      : `${text.slice(0, from)}${block}${text.slice(to + END.length)}`;
  if (next === text) return;
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, next);
}

function read(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return "";
  }
}

function exact(path: string): Pattern {
  const directory = posix.dirname(path);
  return { directory: directory === "." ? "" : directory, prefix: posix.basename(path), suffix: null };
}

/** Sorted, each once; many of one directory become the narrowest `prefix*suffix` that covers them. */
function patterns(all: readonly Pattern[]): readonly Pattern[] {
  const directories = new Map<string, Pattern[]>();
  for (const pattern of all) {
    const known = directories.get(pattern.directory);
    if (known === undefined) directories.set(pattern.directory, [pattern]);
    else known.push(pattern);
  }
  return [...directories.keys()].sort().flatMap((directory) => {
    const group = directories.get(directory) ?? [];
    const wide = group.filter(({ suffix }) => suffix !== null);
    const names = [...new Set(group.filter(({ suffix }) => suffix === null).map(({ prefix }) => prefix))]
      .filter((name) => !wide.some((pattern) => covers(pattern, name)))
      .sort();
    if (names.length < TOGETHER) return [...wide, ...names.map((prefix) => ({ directory, prefix, suffix: null }))];
    return [...wide, { directory, ...around(names) }];
  });
}

function covers({ prefix, suffix }: Pattern, name: string): boolean {
  return (
    suffix !== null && name.length >= prefix.length + suffix.length && name.startsWith(prefix) && name.endsWith(suffix)
  );
}

/** What all names begin and end with, without overlap. */
function around(names: readonly string[]): { readonly prefix: string; readonly suffix: string } {
  const shortest = Math.min(...names.map((name) => name.length));
  const [first = ""] = names;
  let prefix = 0;
  while (prefix < shortest && names.every((name) => name[prefix] === first[prefix])) prefix++;
  let suffix = 0;
  while (suffix < shortest - prefix && names.every((name) => name.at(-1 - suffix) === first.at(-1 - suffix))) suffix++;
  return { prefix: first.slice(0, prefix), suffix: suffix === 0 ? "" : first.slice(-suffix) };
}

/** A gitignore pattern that is anchored at the root. */
function written({ directory, prefix, suffix }: Pattern): string {
  const name = suffix === null ? escaped(prefix) : `${escaped(prefix)}*${escaped(suffix)}`;
  return directory === "" ? `/${name}` : `/${escaped(directory)}/${name}`;
}

function escaped(text: string): string {
  return text.replace(/[\\*?[\]!# ]/g, "\\$&");
}

function parse(line: string): readonly Pattern[] {
  if (!line.startsWith("/") || line === "/.sluice/") return [];
  const plain = (text: string): string => text.replace(/\\(.)/g, "$1");
  const star = /^((?:[^\\*]|\\.)*)\*(.*)$/.exec(line.slice(1));
  if (star === null) return [exact(plain(line.slice(1)))];
  const { directory, prefix } = exact(`${plain(star[1] ?? "")}|`);
  return [{ directory, prefix: prefix.slice(0, -1), suffix: plain(star[2] ?? "") }];
}
