import { z } from "zod";

import { modulePlaces, placeOfModule, type ModulePlaces } from "./module-places.ts";

/** What of a machine decides which packages are for it. */
export interface Machine {
  readonly os: string;
  readonly cpu: string;
  readonly libc: string;
}

/** What a `package-lock.json` pins to the byte, in a form that can do nothing else. */
export type LockedModules =
  | {
      readonly kind: "ok";
      /** A `package.json` that names the packages. */
      readonly project: string;
      readonly lock: string;
      readonly count: number;
    }
  | ({ readonly kind: "bad" } & Unpinned);

interface Unpinned {
  readonly why: string;
  /** What a person does about it. */
  readonly next: string;
}

const NAME = /^(?:@[a-z0-9~-][\w.~-]*\/)?[A-Za-z0-9~-][\w.~-]*$/;
const VERSION = /^\d+\.\d+\.\d+[0-9A-Za-z.+-]*$/;
const TARBALL = /^https?:\/\/[^\s\p{C}"'`\\$]+$/u;
const HASH = /(?:^|\s)(sha(?:256|384|512)-[A-Za-z0-9+/]+={0,2})(?=\s|$)/g;
/** A lock is read between two beats of a worker: what is more than any project has is refused, not read. */
const MOST_CHARACTERS = 8 * 1_024 * 1_024;
const MOST_PACKAGES = 20_000;
const LONGEST_PLACE = 1_000;
const PROGRAM = z.string().regex(/^(?!\.{1,2}$)[\w.~-]+$/);
const INSIDE = z.string().regex(/^(?!\/|(?:.*\/)?\.\.(?:\/|$))[^\p{C}\\]+$/u);

const WORDS = z.union([z.string().transform((one) => [one]), z.array(z.string())]).optional();
const FLAG = z.boolean().optional();
const NAMES = z.record(z.string(), z.unknown()).optional();
const NEEDS = z.object({ dependencies: NAMES, optionalDependencies: NAMES });
/** The project itself, as the lock repeats it. */
const TOP = NEEDS.extend({ devDependencies: NAMES });
const ENTRY = z.object({
  name: z.string().regex(NAME).optional(),
  version: z.string().regex(VERSION).optional(),
  resolved: z.string().optional(),
  integrity: z.string().optional(),
  bin: z.record(PROGRAM, INSIDE).optional(),
  os: WORDS,
  cpu: WORDS,
  libc: WORDS,
  link: FLAG,
  inBundle: FLAG,
  optional: FLAG,
  devOptional: FLAG,
  ...NEEDS.shape,
});
const LOCK = z.object({ packages: z.record(z.string(), z.unknown()) });

type Needs = z.infer<typeof NEEDS>;
type Entry = z.infer<typeof ENTRY>;

interface Module {
  /** The place of the package below which it lies; empty: the project. */
  readonly above: string;
  readonly name: string;
  readonly entry: Entry & { readonly version: string };
}

const WRITE = "`npm install --package-lock-only` with npm 7 or later, and commit what it writes";
const NO_LOCK: Unpinned = {
  why: "it is not in the form in which npm writes it since version 7: JSON with `packages`",
  next: WRITE,
};
const NO_ENTRY: Unpinned = {
  why: "is not in the form in which npm writes it",
  next: WRITE,
};
const ASIDE =
  "in a directory of its own (`environment: { node: DIRECTORY/package-lock.json }`), or use an image that has the packages";
const ELSEWHERE: Unpinned = {
  why: "comes from git, a directory or a file, which the key does not hold",
  next: `take it from a registry, or lock what the step needs without it ${ASIDE}`,
};
const TOO_DEEP: Unpinned = {
  why: `lies deeper than workers look: its place has more than ${LONGEST_PLACE} characters`,
  next: `lock what the step needs ${ASIDE}`,
};
const NO_HASH: Unpinned = {
  why: "has no integrity by SHA-256 or better",
  next: `take its entry out of the lock, ${WRITE}`,
};

/**
 * Reads npm's lock as a worker installs it: each package by version and hash, so that the lock's digest says what is there.
 * It is written anew with each package as a plain dependency of the one that it lies below: whatever `overrides` and peers
 * the project has, npm has nothing to resolve, and it leaves out nothing that it could not fetch.
 */
export function lockedModules(text: string, machine: Machine): LockedModules {
  if (text.length > MOST_CHARACTERS) return tooLarge(`it has ${text.length} characters`, MOST_CHARACTERS);
  const read = LOCK.safeParse(parsed(text));
  if (!read.success) return { kind: "bad", ...NO_LOCK };
  const { "": top, ...packages } = read.data.packages;
  const count = Object.keys(packages).length;
  if (count > MOST_PACKAGES) return tooLarge(`it holds ${count} packages`, MOST_PACKAGES);
  const found = new Map<string, Module>();
  for (const [place, value] of Object.entries(packages)) {
    const one = moduleAt(place, value);
    if (one !== undefined && "why" in one)
      return {
        kind: "bad",
        why: `\`${shown(place)}\` ${one.why}`,
        next: one.next,
      };
    if (one !== undefined) found.set(place, one);
  }
  const places = modulePlaces(Object.keys(packages));
  const modules = forMachine(found, places, machine);
  const missing = missingFrom(TOP.safeParse(top).data ?? {}, modules, places);
  if (missing !== undefined) return { kind: "bad", why: missing, next: WRITE };
  return { kind: "ok", count: modules.size, ...writtenAnew(modules) };
}

function tooLarge(has: string, most: number): LockedModules {
  return {
    kind: "bad",
    why: `${has}, and workers read no lock of more than ${most}`,
    next: `lock what the step needs ${ASIDE}`,
  };
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** Undefined: it comes in the tarball of the package that it lies below. */
function moduleAt(place: string, value: unknown): Module | Unpinned | undefined {
  if (place.length > LONGEST_PLACE) return TOO_DEEP;
  const { above, name } = placeOfModule(place) ?? { above: "", name: "" };
  const read = ENTRY.safeParse(value);
  if (!read.success) return NO_ENTRY;
  const { data: entry } = read;
  if (entry.link === true || name === "") return ELSEWHERE;
  if (!NAME.test(name) || name === "node_modules") return NO_ENTRY;
  if (entry.inBundle === true && entry.integrity === undefined) return undefined;
  if (entry.resolved !== undefined && !TARBALL.test(entry.resolved)) return ELSEWHERE;
  const { version } = entry;
  if (version === undefined) return NO_ENTRY;
  if (hashes(entry) === "") return NO_HASH;
  return { above, name, entry: { ...entry, version } };
}

function hashes({ integrity = "" }: Entry): string {
  return Array.from(integrity.matchAll(HASH), ([, hash]) => hash).join(" ");
}

/** Without what is not for this machine, what lies below that, and what may be left out and needs it. */
function forMachine(
  found: ReadonlyMap<string, Module>,
  places: ModulePlaces,
  machine: Machine,
): ReadonlyMap<string, Module> {
  const kept = new Map(found);
  const leaning = new Map<string, string[]>();
  const gone: string[] = [];
  for (const [place, { above, entry }] of found) {
    if (!isFor(entry, machine) || (above !== "" && !found.has(above))) gone.push(place);
    const needed = isOptional(entry) ? places.find(place, needs(entry)).at : [];
    for (const at of [above, ...needed]) {
      const those = leaning.get(at);
      if (those === undefined) leaning.set(at, [place]);
      else those.push(place);
    }
  }
  for (let at = gone.pop(); at !== undefined; at = gone.pop())
    if (kept.delete(at)) for (const place of leaning.get(at) ?? []) gone.push(place);
  return kept;
}

/** In words: what a package needs and has no place. npm would say so too, had it the project's own `package.json`. */
function missingFrom(
  { dependencies, devDependencies, optionalDependencies }: z.infer<typeof TOP>,
  modules: ReadonlyMap<string, Module>,
  places: ModulePlaces,
): string | undefined {
  const top = {
    dependencies: { ...dependencies, ...devDependencies },
    optionalDependencies,
  };
  const all = [["", top] as const, ...Array.from(modules, ([place, { entry }]) => [place, entry] as const)];
  for (const [place, entry] of all) {
    const [missing] = places.find(place, needs(entry)).missing;
    if (missing === undefined) continue;
    return `${place === "" ? "the project" : `\`${shown(place)}\``} needs \`${shown(missing)}\`, which it does not hold`;
  }
  return undefined;
}

/** Names without which it does not work. */
function needs({ dependencies = {}, optionalDependencies = {} }: Needs): readonly string[] {
  return Object.keys(dependencies).filter((name) => !Object.hasOwn(optionalDependencies, name));
}

/** Only what may be left out is: a package that has to be there and is not for this machine is npm's to refuse. */
function isFor(entry: Entry, machine: Machine): boolean {
  if (!isOptional(entry)) return true;
  return admits(entry.os, machine.os) && admits(entry.cpu, machine.cpu) && admits(entry.libc, machine.libc);
}

function isOptional({ optional, devOptional }: Entry): boolean {
  return optional === true || devOptional === true;
}

/** As npm reads it: none of those with `!`, and one of the others where there are any. */
function admits(list: readonly string[] | undefined, value: string): boolean {
  if (list === undefined || list.includes("any")) return true;
  const wanted = list.filter((one) => !one.startsWith("!"));
  return !list.includes(`!${value}`) && (wanted.length === 0 || wanted.includes(value));
}

function writtenAnew(modules: ReadonlyMap<string, Module>): {
  readonly project: string;
  readonly lock: string;
} {
  const below = Map.groupBy(modules.values(), ({ above }) => above);
  const project = {
    name: "environment",
    version: "0.0.0",
    private: true,
    dependencies: pins(below.get("")),
  };
  const packages = Array.from(modules, ([at, { entry }]) => [at, written(entry, pins(below.get(at)))] as const);
  const lock = {
    name: project.name,
    version: project.version,
    lockfileVersion: 3,
    requires: true,
    packages: { "": project, ...Object.fromEntries(packages) },
  };
  return { project: JSON.stringify(project), lock: JSON.stringify(lock) };
}

function pins(modules: readonly Module[] = []): Readonly<Record<string, string>> {
  return Object.fromEntries(
    modules.map(({ name, entry: { name: real = name, version } }) => [
      name,
      real === name ? version : `npm:${real}@${version}`,
    ]),
  );
}

function written(entry: Module["entry"], dependencies: Readonly<Record<string, string>>): object {
  const { name, version, resolved, bin, os, cpu, libc } = entry;
  return {
    name,
    version,
    resolved,
    integrity: hashes(entry),
    bin,
    os,
    cpu,
    libc,
    dependencies,
  };
}

function shown(place: string): string {
  return place.replaceAll(/[`\p{C}]/gu, "").slice(0, 80);
}
