import { parseLedgerHeader, type LedgerHeader } from "../manifest/ledger-header.ts";
import { LEDGER_HEADER } from "../manifest/ledger-paths.ts";
import type { ReleaseEvent } from "../release/release-event.ts";
import { verifyEvent } from "../release/verify-event.ts";
import { ok, type Result } from "../result/result.ts";
import type { Ledger, Repository } from "./world.ts";

export interface CheckedEvents {
  readonly header: LedgerHeader;
  /** What a key of the ledger signed for its repository, in the ledger's order. */
  readonly counted: readonly { readonly event: ReleaseEvent; readonly commit: string; readonly keyId: string }[];
  readonly refused: readonly { readonly path: string; readonly why: string }[];
}

/** Events of a ledger with their signatures checked against the keys that it names, or why those cannot be read. */
export async function checkedEvents(
  { git }: Pick<Repository, "git">,
  { ref, history }: Ledger,
): Promise<Result<CheckedEvents, string>> {
  const head = await git.resolve(ref);
  const bytes = head === undefined ? undefined : await git.file(head, LEDGER_HEADER);
  const header = parseLedgerHeader(bytes ?? new Uint8Array());
  if (header.kind !== "ok") return header;
  const { keys, repository } = header.value;
  const counted: CheckedEvents["counted"][number][] = [];
  const refused: CheckedEvents["refused"][number][] = [];
  for (const entry of history.events()) {
    const verified = verifyEvent(entry, keys, repository);
    if (verified.kind === "valid") counted.push({ ...verified, commit: entry.commit });
    else refused.push(verified);
  }
  return ok({ header: header.value, counted, refused });
}
