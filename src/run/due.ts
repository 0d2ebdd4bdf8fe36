import type { Digest, RunId } from "../identity/identity.ts";
import { globsOf } from "../pipeline/glob.ts";
import type { Triggers } from "../pipeline/pipeline.ts";

/** What is known of one pipeline at the tip of one branch. */
export interface PushFacts {
  readonly push: Triggers["push"];
  readonly branch: string;
  readonly defaultBranch: string;
  /** Of the work order at the tip. */
  readonly plan: Digest;
  /** Id that a push run at the tip has. */
  readonly id: RunId;
  /** A run with this id is accepted or recorded. */
  readonly known: boolean;
  /** Newest push run of this pipeline on this branch, accepted ones first. */
  readonly newest: { readonly id: RunId; readonly plan: Digest } | undefined;
  /** Paths that changed since that run; undefined where nobody can say any more: then all may have. */
  readonly changed: readonly string[] | undefined;
}

export type DueOnPush =
  | { readonly kind: "due" }
  /** The run that stands for the tip. */
  | { readonly kind: "unchanged"; readonly run: RunId }
  /** This branch, or what changed on it, does not concern the pipeline. */
  | { readonly kind: "unconcerned" };

/**
 * Due on push (SEMANTICS §6): at the tip only; iff no run is accepted or recorded for it and its work order is not that
 * of the newest push run of that pipeline on that branch; with `paths` a matching one must have changed.
 */
export function dueOnPush(facts: PushFacts): DueOnPush {
  const { push, newest } = facts;
  if (push === false || !listensTo(push, facts)) return { kind: "unconcerned" };
  if (facts.known) return { kind: "unchanged", run: facts.id };
  if (newest === undefined) return { kind: "due" };
  if (newest.plan === facts.plan) return { kind: "unchanged", run: newest.id };
  if (push.paths === null || facts.changed === undefined) return { kind: "due" };
  return facts.changed.some(globsOf(push.paths, { dot: true }))
    ? { kind: "due" }
    : { kind: "unchanged", run: newest.id };
}

/** Whether a push to a branch concerns a pipeline at all. */
export function listensTo(
  push: Triggers["push"],
  { branch, defaultBranch }: { readonly branch: string; readonly defaultBranch: string },
): boolean {
  if (push === false) return false;
  return push.branches === "default" ? branch === defaultBranch : globsOf(push.branches, { dot: true })(branch);
}

/**
 * Patterns of refs (`refs/heads/main`, `refs/heads/release/*`) that have every branch but the default one which a pipeline
 * listens to; a glob is asked for by how its names begin, because every program takes globs of refs otherwise.
 */
export function refsListenedTo(push: Triggers["push"], defaultBranch: string): readonly string[] {
  if (push === false || push.branches === "default") return [];
  const some = push.branches.filter((glob) => !glob.startsWith("!"));
  // Where all take away, they take it from all branches.
  const selecting = some.length === 0 ? ["**"] : some.filter((glob) => glob !== defaultBranch);
  return selecting.map((glob) => {
    const special = glob.search(/[^\p{L}\p{N}/._-]/u);
    return `refs/heads/${special < 0 ? glob : `${glob.slice(0, special)}*`}`;
  });
}
