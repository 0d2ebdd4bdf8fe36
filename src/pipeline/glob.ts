/** What a glob takes beside what it names. */
export interface GlobOptions {
  /** Also names that begin with a dot, where no dot is written. */
  readonly dot?: boolean;
}

/** A glob's length that is still read (characters); paths of git end sooner. */
export const LONGEST_GLOB = 1_024;

/**
 * Which paths a glob takes: `*` and `?` within a name, `**` for any number of directories; every other character is itself.
 * Names that begin with a dot are taken only where the dot is written. A program that knows more forms would make an
 * expression of what anybody wrote, and some take longer than the universe: this one looks at each name twice at most for
 * each `**`, and at each character for each `*`.
 */
export function globOf(glob: string, { dot = false }: GlobOptions = {}): (path: string) => boolean {
  const written = glob.split("/");
  const parts = written.map((part) => partOf(part, dot));
  const least = leastOf(written);
  // Most paths of a repository differ where they begin or end: cutting them up costs more than all that follows.
  const start = baseOf(glob);
  const end = /[^*?/]*$/.exec(glob)?.[0] ?? "";
  return (path) => path.startsWith(start) && path.endsWith(end) && takesAll(parts, path.split("/"), { dot, least });
}

/** Which paths any of these globs takes; a leading `!` takes away from what the others take, or from everything. */
export function globsOf(globs: readonly string[], options: GlobOptions = {}): (path: string) => boolean {
  const not = globs.flatMap((glob) => (glob.startsWith("!") ? [globOf(glob.slice(1), options)] : []));
  const some = globs.flatMap((glob) => (glob.startsWith("!") ? [] : [globOf(glob, options)]));
  const chosen = some.length === 0 ? [globOf("**", options)] : some;
  return (path) => chosen.some((takes) => takes(path)) && !not.some((takes) => takes(path));
}

/** The directory below which all lies that a glob takes, "" for the root; of what is no glob the path itself. */
export function baseOf(glob: string): string {
  const parts = glob.split("/");
  const at = parts.findIndex((part) => /[*?]/.test(part));
  return (at < 0 ? parts : parts.slice(0, at)).join("/");
}

/**
 * What of a glob is left for what lies in a directory that its first parts take, for each way in which they do. Other than
 * over files, `**` goes over names that begin with a dot too.
 */
export function restsOf(glob: string, directory: string): readonly string[] {
  const written = glob.split("/");
  const parts = written.map((part) => partOf(part, false));
  const names = directory.split("/");
  const found = new Set<string>();
  let reached = new Set([0]);
  for (const name of names) {
    const next = new Set<number>();
    for (const at of alsoAfterStars(parts, reached)) {
      const part = parts[at];
      if (part === undefined) continue;
      if (part === ANY) next.add(at);
      else if (part(name)) next.add(at + 1);
    }
    reached = next;
  }
  for (const at of reached) if (at < written.length) found.add(written.slice(at).join("/"));
  return [...found];
}

/** A `**` may also stand for no directory at all. */
function alsoAfterStars(parts: readonly Part[], reached: ReadonlySet<number>): ReadonlySet<number> {
  const all = new Set(reached);
  for (const at of all) if (parts[at] === ANY) all.add(at + 1);
  return all;
}

/** Stands for any number of directories. */
const ANY = Symbol("**");

type Part = ((name: string) => boolean) | typeof ANY;

function partOf(part: string, dot: boolean): Part {
  if (part === "**") return ANY;
  if (!/[*?]/.test(part)) return (name) => name === part;
  const written = part.replaceAll(/\*+/g, "*");
  const hidden = dot || written.startsWith(".");
  if (written === "*") return (name) => name !== "" && (hidden || !name.startsWith("."));
  const [start = "", end, more] = written.split("*");
  if (end === undefined || more !== undefined || written.includes("?"))
    return (name) => (hidden || !name.startsWith(".")) && takesName(written, name);
  const least = start.length + end.length;
  return (name) =>
    name.length >= least && name.startsWith(start) && name.endsWith(end) && (hidden || !name.startsWith("."));
}

/** Goes on with the newest `**` where what follows it does not fit: what an older one could take, that one takes too. */
function takesAll(
  parts: readonly Part[],
  names: readonly string[],
  { dot, least }: { readonly dot: boolean; readonly least: number },
): boolean {
  let part = 0;
  let name = 0;
  let again: { readonly part: number; readonly name: number } | undefined;
  while (name < names.length) {
    const wanted = parts[part];
    if (wanted === ANY) {
      again = { part: ++part, name };
      continue;
    }
    if (wanted?.(names[name] ?? "") === true) {
      part++;
      name++;
      continue;
    }
    if (again === undefined || (!dot && names[again.name]?.startsWith(".") === true)) return false;
    again = { part: again.part, name: again.name + 1 };
    part = again.part;
    name = again.name;
  }
  return part >= least;
}

// `data/**` is what lies in `data` and `data` itself; after a name that ends in `*` it is only what lies in that.
function leastOf(written: readonly string[]): number {
  const last = written.findLastIndex((part) => part !== "**");
  return last < 0 || written[last]?.endsWith("*") === true ? Math.min(written.length, last + 2) : last + 1;
}

/** The same within one name, for `*` and `?`. */
function takesName(written: string, name: string): boolean {
  let at = 0;
  let from = 0;
  let again: { readonly at: number; readonly from: number } | undefined;
  while (from < name.length) {
    const wanted = written[at];
    if (wanted === "*") {
      again = { at: ++at, from };
      continue;
    }
    if (wanted !== undefined && (wanted === "?" || wanted === name[from])) {
      at++;
      from++;
      continue;
    }
    if (again === undefined) return false;
    again = { at: again.at, from: again.from + 1 };
    at = again.at;
    from = again.from;
  }
  return written.slice(at).replaceAll("*", "") === "";
}
