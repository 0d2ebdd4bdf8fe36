import type { Commits } from "../../git/git.ts";
import { keyIdOf } from "../../manifest/dsse.ts";
import { parseLedgerHeader } from "../../manifest/ledger-header.ts";
import { LEDGER_HEADER } from "../../manifest/ledger-paths.ts";
import type { LedgerOwner } from "../../release/stray.ts";
import type { ForgeRepository } from "../serve/forge-repository.ts";
import type { ServiceParts } from "../serve/parts.ts";
import { keysOf, type Signing } from "./signing-keys.ts";

interface Told extends Pick<ServiceParts, "ledger">, Signing {
  readonly log: Pick<ServiceParts["log"], "warn">;
}

interface Place {
  readonly forge: Pick<ForgeRepository["forge"], "repository">;
  readonly mirror: Pick<Commits, "resolve" | "file">;
}

/** Says in the log, once for each repository, that its ledger knows none of our keys: one that was lost is made anew by itself. */
export function tellNewKey(parts: Told): (place: Place) => Promise<void> {
  const told = new Set<number>();
  return async ({ forge: { repository }, mirror }) => {
    if (told.has(repository.id)) return;
    const head = await mirror.resolve(parts.ledger);
    if (head === undefined) return;
    told.add(repository.id);
    const owner = { repository: String(repository.id), keys: keysOf(parts) };
    const others = keysBefore(await mirror.file(head, LEDGER_HEADER), owner);
    if (others.length === 0) return;
    const short = (keyId: string): string => keyId.slice(0, 12);
    parts.log.warn(
      { repository: repository.fullName, key: short(keyIdOf(parts.signer.publicKey)), others: others.map(short) },
      "the signing key is new to the ledger, and what the keys before it signed counts for nothing; next: start with the key that was in use before (SLUICE_DATA/keys/ed25519.pem or SLUICE_SIGNING_KEY), or list its public half, which ledger.json on sluice/ledger holds, under signing_keys of the operator's file if it was yours",
    );
  };
}

/** Keys that a ledger of ours names, where none of ours is among them. */
function keysBefore(header: Uint8Array | undefined, { repository, keys }: LedgerOwner): readonly string[] {
  const parsed = header === undefined ? undefined : parseLedgerHeader(header);
  if (parsed?.kind !== "ok" || parsed.value.repository !== repository) return [];
  const named = [...parsed.value.keys.keys()];
  return named.some((keyId) => keys.has(keyId)) ? [] : named;
}
