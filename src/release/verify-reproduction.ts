import { digestOf, type Digest, type RunId } from "../identity/identity.ts";
import {
  isSame,
  parseReproduction,
  REPRODUCTION_TYPE,
  reproductionPath,
  type Reproduction,
  type SignedReproduction,
} from "./reproduction.ts";
import { signedBy } from "./signed-by.ts";

/** One reproduction as the ledger has it. */
export interface ReproductionEntry {
  readonly path: string;
  readonly payload: Uint8Array;
  /** Undefined for an unsigned one, which counts for nothing. */
  readonly envelope: Uint8Array | undefined;
}

/** Whose word counts, and for which repository. */
export interface Vouching {
  /** Public keys (PEM) by key id. */
  readonly keys: ReadonlyMap<string, string>;
  readonly repository: string;
}

export type VerifiedReproduction =
  | { readonly kind: "valid"; readonly reproduction: Reproduction; readonly keyId: string }
  | { readonly kind: "refused"; readonly path: string; readonly why: string };

/** A reproduction counts when one of these keys signed exactly these bytes for this repository and it stands where it belongs. */
export function verifyReproduction(
  { path, payload, envelope }: ReproductionEntry,
  { keys, repository }: Vouching,
): VerifiedReproduction {
  const reproduction = parseReproduction(payload);
  if (reproduction === undefined) return { kind: "refused", path, why: "it is no reproduction of a format known here" };
  if (reproduction.repository !== repository)
    return { kind: "refused", path, why: `it is of another repository (${reproduction.repository})` };
  if (reproductionPath(reproduction.run, digestOf(payload)) !== path)
    return { kind: "refused", path, why: "it stands where another reproduction belongs" };
  const signed = signedBy({ payload, envelope }, keys, REPRODUCTION_TYPE);
  if (signed.kind === "refused") return { kind: "refused", path, why: signed.why };
  return { kind: "valid", reproduction, keyId: signed.keyId };
}

/** Why some of these say nothing of a run as its ledger has it; undefined: all of them do. */
export function strangeIn(
  all: readonly SignedReproduction[],
  { run, manifest }: { readonly run: RunId; readonly manifest: Digest | undefined },
): string | undefined {
  for (const { reproduction } of all) {
    if (reproduction.run !== run) return `it is of another run (${reproduction.run})`;
    if (reproduction.manifest !== manifest) return "it was compared with another manifest than the ledger has";
  }
  return undefined;
}

/** What counts of a run's reproductions: the newest without a difference, else the newest; undefined: there is none. */
export function reproductionOf(
  entries: readonly ReproductionEntry[],
  manifest: Digest,
  vouching: Vouching,
): Reproduction | undefined {
  const counted = entries.flatMap((entry) => {
    const verified = verifyReproduction(entry, vouching);
    return verified.kind === "valid" && verified.reproduction.manifest === manifest ? [verified.reproduction] : [];
  });
  return counted.findLast(isSame) ?? counted.at(-1);
}
