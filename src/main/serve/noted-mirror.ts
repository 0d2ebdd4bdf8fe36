import type { Mirror } from "../../git/mirror.ts";
import { ACCEPTED } from "../../run/request.ts";

/** What became of the newest pushes of refs that Sluice cannot do without, by their names; null: the last one was taken. */
export type RefusedPushes = Map<string, { readonly why: string; readonly since: number; readonly last: number } | null>;

/** Every run is accepted at a ref of its own, and more than these tell nobody more. */
const MOST = 50;

/** A mirror that remembers which of our refs the remote does not take. */
export function notedMirror(
  mirror: Mirror,
  refused: RefusedPushes,
  { ledger, now = () => Date.now() }: { readonly ledger: string; readonly now?: () => number },
): Mirror {
  return {
    ...mirror,
    async publish(updates) {
      const published = await mirror.publish(updates);
      const made = updates.flatMap(({ ref, to }) => (to === null ? [] : [ref]));
      for (const ref of made.filter((one) => one === ledger || one.startsWith(ACCEPTED))) {
        const since = refused.get(ref)?.since ?? now();
        const known = refused.has(ref) || ref === ledger;
        if (published.kind === "published" && (known || refused.size < MOST)) refused.set(ref, null);
        if (published.kind === "refused" && (known || hasPlace(refused)))
          refused.set(ref, { why: published.why, since, last: now() });
      }
      return published;
    },
  };
}

/** What was taken makes place for what is refused. */
function hasPlace(refused: RefusedPushes): boolean {
  if (refused.size < MOST) return true;
  const taken = [...refused].find(([, found]) => found === null);
  return taken !== undefined && refused.delete(taken[0]);
}
