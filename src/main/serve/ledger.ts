import { restoreLedger } from "../../controller/restore-ledger.ts";
import type { Later } from "../../controller/reconcile/looking.ts";
import type { At } from "./at.ts";
import type { ForgeRepository } from "./forge-repository.ts";
import { ledgerIssue } from "../../report/ledger-issue.ts";
import { fourCharacters } from "../../report/words.ts";
import { desire } from "../../worker.ts";
import { keysOf } from "../release/signing-keys.ts";

/** Gives the ledger back what somebody took from it, and tells people; then, or where it cannot be done now, look again. */
export async function mendLedger(
  at: Pick<At, "service" | "queue">,
  { mirror, forge }: ForgeRepository,
): Promise<Later | undefined> {
  const { parts } = at.service;
  const restored = await restoreLedger({ mirror, ledger: parts.ledger, keys: keysOf(parts) });
  switch (restored.kind) {
    case "whole":
      return undefined;
    case "later":
      return { kind: "again", afterMs: 5_000, why: restored.why };
    case "restored": {
      const { repository } = forge;
      const issue = { kind: "issue", open: true, ...ledgerIssue(restored, fourCharacters) } as const;
      await desire(at.queue, repository.installation, [issue], repository);
      return { kind: "again", afterMs: 100, why: "the ledger was moved by force, and is whole again" };
    }
  }
}
