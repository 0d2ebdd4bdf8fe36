import type { Json } from "../../identity/canonical-json.ts";
import type { Performed, Queue } from "../../queue/queue.ts";

/** What was done, or when to ask again; `tell`: what is to be told of it, null: nothing. */
export type Deed<ToTell extends Json> =
  | { readonly kind: "did"; readonly tell: ToTell | null }
  | Extract<Performed, { kind: "again" }>;

/**
 * Does what a person asked for, and then tells of it until it is told: telling may have to wait, and what was asked for
 * is not done once more meanwhile, because by then the same words may mean something else. True is kept in the table
 * when all is told.
 */
export async function performOnce<ToTell extends Json>(
  { table, name, word }: { readonly table: Queue["table"]; readonly name: string; readonly word: string },
  deed: () => Promise<Deed<ToTell>>,
  tell: (about: ToTell) => Promise<Performed>,
): Promise<Performed> {
  const kept = await table.get(name, word);
  if (kept === true) return { kind: "done" };
  let left = kept as { readonly tell: ToTell | null } | undefined;
  if (left === undefined) {
    const done = await deed();
    if (done.kind === "again") return done;
    left = { tell: done.tell };
    await table.put(name, word, left);
  }
  const told = left.tell === null ? ({ kind: "done" } as const) : await tell(left.tell);
  if (told.kind === "done") await table.put(name, word, true);
  return told;
}
