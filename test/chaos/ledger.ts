import type { RunRecord } from "../../src/run/run-record.ts";
import { parseManifest } from "../../src/manifest/parse-manifest.ts";
import { manifestPath } from "../../src/manifest/ledger-paths.ts";
import { recordedRun } from "../../src/manifest/commit-message.ts";
import type { RunId } from "../../src/identity/identity.ts";
import { gitIn } from "./git.ts";

const LEDGER = "sluice/ledger";

export interface Ledger {
  /** Runs that have a manifest, oldest first; one that was recorded twice stands here twice. */
  readonly ids: readonly RunId[];
  readonly records: readonly RunRecord[];
}

/** Reads the whole ledger of a bare repository by plain git. */
export async function readLedger(bare: string): Promise<Ledger> {
  const log = await gitIn(bare, "log", "--reverse", "--format=%B%x00", LEDGER, "--").catch(() => "");
  const ids = log.split("\0").flatMap((message) => recordedRun(message.trim()) ?? []);
  const records = await Promise.all([...new Set(ids)].map((id) => recordOf(bare, id)));
  return { ids, records };
}

async function recordOf(bare: string, id: RunId): Promise<RunRecord> {
  const text = await gitIn(bare, "show", `${LEDGER}:${manifestPath(id)}`);
  const parsed = parseManifest(new TextEncoder().encode(text), () => undefined);
  if (parsed.kind === "refused") throw new Error(`the manifest of ${id}: ${parsed.why}`);
  return parsed.record;
}
