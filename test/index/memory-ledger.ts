import { generateKeyPairSync, sign } from "node:crypto";

import { canonicalJson, type Json } from "../../src/identity/canonical-json.ts";
import { digestOf, parseCommitSha, type CommitSha } from "../../src/identity/identity.ts";
import type { LedgerEntry, LedgerReader } from "../../src/index/ledger-reader.ts";
import { commitMessage } from "../../src/manifest/commit-message.ts";
import { keyIdOf, PAYLOAD_TYPE, preAuthentication, renderEnvelope } from "../../src/manifest/dsse.ts";
import { keyPath, manifestPath, signaturePath } from "../../src/manifest/ledger-paths.ts";
import { renderManifest } from "../../src/manifest/render-manifest.ts";
import type { RunRecord } from "../../src/run/run-record.ts";

/** A key that signs manifests, and as whose word a ledger's reader knows it. */
export interface MemoryKey {
  readonly keys: ReadonlyMap<string, string>;
  envelope(manifest: Uint8Array): Uint8Array;
}

export function memoryKey(): MemoryKey {
  const pair = generateKeyPairSync("ed25519");
  const pem = pair.publicKey.export({ type: "spki", format: "pem" }).toString();
  const keyId = keyIdOf(pem);
  return {
    keys: new Map([[keyId, pem]]),
    envelope: (manifest) =>
      renderEnvelope(manifest, {
        keyId,
        bytes: sign(null, preAuthentication(PAYLOAD_TYPE, manifest), pair.privateKey),
      }),
  };
}

/** A ledger in memory that can be asked as it was after any commit. */
export class MemoryLedger implements LedgerReader {
  commits: LedgerEntry[] = [];
  readonly bytes = new Map<string, Uint8Array>();
  /** What each commit held. */
  readonly #trees = new Map<CommitSha, ReadonlyMap<string, Uint8Array>>();
  /** Calls of `files` that still succeed; a crash in the middle of an indexing. */
  budget = Number.POSITIVE_INFINITY;
  salt = "";

  push(record: RunRecord, key?: MemoryKey): void {
    const manifest = renderManifest(record);
    this.bytes.set(manifestPath(record.id), manifest);
    if (key !== undefined) this.bytes.set(signaturePath(record.id), key.envelope(manifest));
    for (const step of record.steps) {
      if (step.key !== null)
        this.bytes.set(keyPath(step.key), new TextEncoder().encode(canonicalJson(step.document as unknown as Json)));
    }
    this.say(commitMessage(record, digestOf(manifest), undefined));
  }

  say(message: string): void {
    const parent = this.commits.at(-1);
    const sha = parseCommitSha(digestOf(`${this.salt} ${parent?.sha} ${message}`).slice(7, 47));
    if (sha === undefined) return;
    this.commits.push({ sha, parents: parent === undefined ? [] : [parent.sha], message });
    this.#trees.set(sha, new Map(this.bytes));
  }

  readonly head = async (): Promise<CommitSha | undefined> => this.commits.at(-1)?.sha;

  readonly log = async (until?: CommitSha): Promise<readonly LedgerEntry[]> => {
    const newest = this.commits.toReversed();
    const end = newest.findIndex((commit) => commit.sha === until);
    return end < 0 ? newest : newest.slice(0, end);
  };

  readonly files = async (commit: CommitSha, paths: readonly string[]): Promise<ReadonlyMap<string, Uint8Array>> => {
    if (this.budget-- <= 0) throw new Error("interrupted");
    return new Map(
      paths.flatMap((path) => {
        const bytes = this.#trees.get(commit)?.get(path);
        return bytes === undefined ? [] : [[path, bytes] as const];
      }),
    );
  };
}
