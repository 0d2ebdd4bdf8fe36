import { findStrays, lookedThroughFrom } from "../../controller/find-strays.ts";
import type { Json } from "../../identity/canonical-json.ts";
import type { At } from "./at.ts";
import type { ForgeRepository } from "./forge-repository.ts";
import { tellDrift } from "./notices.ts";
import { keysOf } from "../release/signing-keys.ts";
import { strayIssue } from "../../report/drift.ts";
import { desire } from "../../worker.ts";

const TABLE = "ledger-strays";

/** One issue of what stands on the ledger that Sluice did not write; it closes when that is mended. */
export async function tellStrays(at: At, place: ForgeRepository): Promise<void> {
  const { service, queue } = at;
  const { forge, mirror } = place;
  const { repository } = forge;
  const head = await mirror.resolve(service.parts.ledger);
  // What was taken from a ledger is given back by the next look; searched before, all of it would be told as missing.
  if (head === undefined || head !== (await mirror.grown())) return;
  const key = String(repository.id);
  const kept = await queue.table.get(TABLE, key);
  const seen = lookedThroughFrom(kept);
  // Keys may be listed anew while the ledger stands still.
  if (seen.until === head && seen.strays.length === 0) return;
  const owner = { repository: key, keys: keysOf(service.parts) };
  const looked = await findStrays({ mirror, owner }, head, seen);
  if (looked.strays.length + seen.strays.length > 0) {
    const issue = { kind: "issue", ...strayIssue(looked.strays) } as const;
    await desire(queue, repository.installation, [issue], repository);
    await tellDrift(at, place, [issue]);
  }
  // Only after it was told: killed before, it is found once more.
  await queue.table.put(TABLE, key, looked as unknown as Json);
}
