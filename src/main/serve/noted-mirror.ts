import type { Mirror } from "../../git/mirror.ts";
import { ACCEPTED } from "../../run/request.ts";

/** What became of the newest pushes of refs that Sluice cannot do without, by their names; null: the last one was taken. */
export type RefusedPushes = Map<string, { readonly why: string; readonly since: number; readonly last: number } | null>;

/** A mirror that remembers which of our refs the remote does not take. */
export function notedMirror(
  mirror: Mirror,
  refused: RefusedPushes,
  { ledger, now = () => performance.now() }: { readonly ledger: string; readonly now?: () => number },
): Mirror {
  return {
    ...mirror,
    async publish(updates) {
      const published = await mirror.publish(updates);
      const made = updates.flatMap(({ ref, to }) => (to === null ? [] : [ref.startsWith(ACCEPTED) ? ACCEPTED : ref]));
      for (const ref of made.filter((one) => one === ledger || one === ACCEPTED)) {
        const since = refused.get(ref)?.since ?? now();
        if (published.kind === "published") refused.set(ref, null);
        if (published.kind === "refused") refused.set(ref, { why: published.why, since, last: now() });
      }
      return published;
    },
  };
}
