import { parseCommitSha, type CommitSha } from "../identity/identity.ts";
import { lines } from "./git-output.ts";

/** Refs as git lists them. */
export function refsOf(
  text: string,
  separator: string,
  counts: (ref: string) => boolean = () => true,
): ReadonlyMap<string, CommitSha> {
  const refs = new Map<string, CommitSha>();
  for (const line of lines(text)) {
    const at = line.indexOf(separator);
    const sha = parseCommitSha(line.slice(0, at));
    const ref = line.slice(at + 1);
    if (sha !== undefined && counts(ref)) refs.set(ref, sha);
  }
  return refs;
}

/** Whether a ref is what a pattern asks for: a whole name, or how it begins and `*`, which reaches across slashes. */
export function matches(pattern: string, ref: string): boolean {
  return pattern.endsWith("*") ? ref.startsWith(pattern.slice(0, -1)) : ref === pattern;
}

/** A pattern is no glob: what git, the remote and we would each take it for is not the same. */
export function checkPattern(pattern: string): void {
  if (/[*?[\\]/.test(pattern.replace(/\*$/, "")))
    throw new Error(`asking for refs: ${pattern} is no name and no prefix`);
}

/** Whether both refs cannot be: git has no `release` beside `release/1.0`. */
export function excludes(one: string, other: string): boolean {
  return one.startsWith(`${other}/`) || other.startsWith(`${one}/`);
}

/** Refs that cannot be beside the wanted ones: git has no `release` beside `release/1.0`. */
export function inTheWay(refs: Iterable<string>, wanted: readonly string[]): readonly string[] {
  const names = new Set(wanted);
  const above = new Set(wanted.flatMap(ancestors));
  return [...refs].filter((ref) => above.has(ref) || ancestors(ref).some((one) => names.has(one)));
}

/** What could be a ref above one: `refs/heads/release` of `refs/heads/release/1.0`. */
export function ancestors(ref: string): readonly string[] {
  const parts = ref.split("/");
  return parts.slice(2).map((_, nth) => parts.slice(0, nth + 2).join("/"));
}

/** For people: what is to become of a ref that keeps others from being made. */
export function standingWords(ref: string, made: readonly string[]): string {
  const names = new Set([ref, ...ancestors(ref)]);
  const other = made.find((one) => names.has(one) || ancestors(one).includes(ref)) ?? "";
  const short = (name: string): string => name.replace(/^refs\/heads\//, "");
  return short(ref) === ref
    ? `the ref ${ref} stands in the way of ${short(other)}: take it away`
    : `the branch ${short(ref)} stands in the way of ${short(other)}: rename it`;
}
