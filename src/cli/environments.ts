import { LEDGER_HEADER } from "../manifest/ledger-paths.ts";
import { parseLedgerHeader } from "../manifest/ledger-header.ts";
import { foldEvents, type EnvironmentState } from "../release/environment-state.ts";
import { verifyEvent } from "../release/verify-event.ts";
import type { Ledger, Repository } from "./world.ts";

/** Environments as the ledger's events leave them; what none of its keys signed does not count. */
export async function environmentsOf(
  { git }: Repository,
  { ref, history }: Ledger,
): Promise<ReadonlyMap<string, EnvironmentState>> {
  const head = await git.resolve(ref);
  const bytes = head === undefined ? undefined : await git.file(head, LEDGER_HEADER);
  const header = bytes === undefined ? undefined : parseLedgerHeader(bytes);
  if (header?.kind !== "ok") return new Map();
  const { keys, repository } = header.value;
  return foldEvents(
    history.events().flatMap((entry) => {
      const verified = verifyEvent(entry, keys, repository);
      return verified.kind === "valid" ? [verified.event] : [];
    }),
  );
}
