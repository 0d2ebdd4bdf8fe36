import type { Mirror } from "../../git/mirror.ts";
import type { CommitSha } from "../../identity/identity.ts";
import { OFFLINE_HERE } from "../../release/offline.ts";
import { refused, type Result } from "../../result/result.ts";

/** What is known of refs after a look, by how their names begin. */
export type UnreadRefs = Map<string, Looked>;

interface Looked {
  /** Why commits cannot be read: neither a commit nor our keys change, so none is read again. */
  readonly refusals: ReadonlyMap<CommitSha, string>;
  /** Why what can be read did not count when it was last looked at: told until it is looked at anew. */
  readonly held: ReadonlyMap<string, { readonly commit: CommitSha; readonly why: string }>;
  /** The ref after which the next look goes on; null: that one saw all of them. */
  readonly until: string | null;
}

/** Refs that one look reads: everything else waits for it, and whoever may push can make thousands. */
const MOST = 100;

export interface KeptRef {
  readonly ref: string;
  readonly commit: CommitSha;
}

export interface RefTaking<Read> {
  /** How the refs' names begin. */
  readonly prefix: string;
  readonly read: (commit: CommitSha) => Promise<Result<Read, string>>;
  /** Whether the ledger has it now; undefined: nobody can say, and nothing is decided on any of them. */
  readonly take: (ref: string, read: Read) => Promise<Result<boolean, string> | undefined>;
}

export interface TakenRefs {
  /** What does not count, and why. */
  readonly told: readonly { readonly ref: string; readonly why: string }[];
  /** What the ledger has now. */
  readonly taken: readonly KeptRef[];
}

/** Takes in what people left under refs, one after the other; where there are many, the next look goes on. */
export async function takeRefs<Read>(
  { unread }: { readonly unread: UnreadRefs },
  refs: Iterable<readonly [string, CommitSha]>,
  { prefix, read, take }: RefTaking<Read>,
): Promise<TakenRefs | undefined> {
  const { refusals: known, held: before, until = null } = unread.get(prefix) ?? {};
  const all = [...refs];
  let looked = 0;
  let last: string | null = null;
  const refusals = new Map<CommitSha, string>();
  const held = new Map<string, { readonly commit: CommitSha; readonly why: string }>();
  const whys = new Map<string, string>();
  const taken: KeptRef[] = [];
  for (const [ref, commit] of after(all, until)) {
    const why = known?.get(commit);
    if (why === undefined && looked++ >= MOST) {
      const last = before?.get(ref);
      if (last?.commit === commit) held.set(ref, last);
      continue;
    }
    if (why === undefined) last = ref;
    const one = why === undefined ? await read(commit) : refused(why);
    if (one.kind !== "ok") refusals.set(commit, one.refusal);
    const did = one.kind === "ok" ? await take(ref, one.value) : one;
    if (did === undefined) return undefined;
    if (did.kind !== "ok") whys.set(ref, did.refusal);
    if (did.kind !== "ok" && one.kind === "ok") held.set(ref, { commit, why: did.refusal });
    else if (did.kind === "ok" && did.value) taken.push({ ref, commit });
  }
  unread.set(prefix, { refusals, held, until: looked > MOST ? last : null });
  // In one order, wherever this look began: what is told again reads as it did.
  const told = all.flatMap(([ref]) => {
    const why = whys.get(ref) ?? held.get(ref)?.why;
    return why === undefined ? [] : [{ ref, why }];
  });
  return { told, taken };
}

function after(
  refs: readonly (readonly [string, CommitSha])[],
  until: string | null,
): readonly (readonly [string, CommitSha])[] {
  const start = refs.findIndex(([ref]) => ref === until) + 1;
  return [...refs.slice(start), ...refs.slice(0, start)];
}

/** Takes refs away whose content the ledger has; where that does not succeed it is taken in once more, which changes nothing. */
export async function forgetRefs(mirror: Pick<Mirror, "publish" | "drop">, refs: readonly KeptRef[]): Promise<void> {
  for (const { ref, commit } of refs) {
    if (!ref.startsWith(OFFLINE_HERE)) {
      const published = await mirror.publish([{ ref, from: commit, to: null }]);
      if (published.kind !== "published") continue;
    }
    await mirror.drop(ref);
  }
}
