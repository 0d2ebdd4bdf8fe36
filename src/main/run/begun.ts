import type { Domain } from "../../identity/identity.ts";
import type { RunRecord } from "../../run/run-record.ts";
import { withUnseen } from "../../run/unseen-attempts.ts";
import type { BegunAttempts } from "../../store/begun-attempts.ts";
import { settled, type Store } from "../../store/store.ts";

/** A part of main.ts: attempts that nobody heard the end of are the reason why something was computed again. */
export async function withBegun(
  { begun, store }: { readonly begun: BegunAttempts; readonly store: Store },
  run: RunRecord,
  domain: Domain,
): Promise<RunRecord> {
  const reader = await store.reader(domain);
  const all = await begun.of(run.id);
  return settled(reader, () =>
    withUnseen(run, all, ({ key }) => (key === null ? undefined : reader.result(key)?.made)),
  );
}
