import type { Commits, LedgerCommit } from "../git/git.ts";
import type { NotRecorded, RemoteLedger } from "../git/mirror.ts";
import { canonicalJson, type Json } from "../identity/canonical-json.ts";
import { digestOf, type CommitSha, type Digest, type RunId } from "../identity/identity.ts";
import { formatDelta, formatMetric } from "../diff/number.ts";
import { bundlePath } from "../manifest/bundle.ts";
import { commitMessage, metricOf } from "../manifest/commit-message.ts";
import { preAuthentication, PAYLOAD_TYPE, renderEnvelope } from "../manifest/dsse.ts";
import {
  keyPath,
  LEDGER_HEADER,
  LOCAL_LEDGER,
  manifestPath,
  runDirectory,
  signaturePath,
} from "../manifest/ledger-paths.ts";
import { headerWithKey } from "../manifest/ledger-header.ts";
import { renderRun } from "../manifest/render-manifest.ts";
import { isRecorded } from "../manifest/signed-run.ts";
import type { RunRecord } from "../run/run-record.ts";
import type { Signer } from "../signer/signer.ts";
import type { Store } from "../store/store.ts";

export interface RecordPorts {
  readonly git: Commits;
  readonly store: Store;
  readonly signer: Signer;
  /** The ledger of a forge's repository; the local one where it is not given. */
  readonly ledger?: Ledger;
}

type Ledger = RemoteLedger & {
  /** Keys whose word on recorded runs counts. */
  readonly keys: ReadonlyMap<string, string>;
};

export interface Recording {
  readonly record: RunRecord;
  /** Metrics of the run before it on this pipeline, for the headline's difference. */
  readonly before: Readonly<Record<string, number | string>> | undefined;
  /** True for a run that the ledger has with what it computed, and so with the key documents of its steps. */
  readonly known: (run: RunId) => boolean;
  /** Files of a dirty work tree, so that the run can be computed again. */
  readonly tree: ReadonlyMap<string, Uint8Array>;
}

export interface Recorded {
  readonly kind: "recorded";
  readonly commit: CommitSha;
  /** What the ledger held before; null for its first commit. */
  readonly before: CommitSha | null;
  readonly manifest: Digest;
}

const ATTEMPTS = 20;

/**
 * Writes one run to its ledger as one commit: manifest, signature, key documents. What it names is durable
 * before the commit is made, and a ledger that moved meanwhile is simply stood upon.
 */
export async function recordRun(ports: RecordPorts, recording: Recording): Promise<Recorded | NotRecorded> {
  const { git, store, signer } = ports;
  const { record } = recording;
  const { manifest, parts } = renderRun(record);
  const digest = digestOf(manifest);
  const [signature, bundle] = await Promise.all([
    signer.sign(preAuthentication(PAYLOAD_TYPE, manifest)),
    signer.bundle?.(manifest, PAYLOAD_TYPE),
    store.barrier(),
  ]);
  const files = new Map<string, Uint8Array>([
    [manifestPath(record.id), manifest],
    [signaturePath(record.id), renderEnvelope(manifest, { keyId: signer.keyId, bytes: signature })],
    ...(bundle === undefined ? [] : [[bundlePath(manifestPath(record.id)), bundle] as const]),
    ...[...parts].map(([file, bytes]): [string, Uint8Array] => [`${runDirectory(record.id)}/${file}`, bytes]),
    ...documents(recording),
    ...[...recording.tree].map(([path, bytes]): [string, Uint8Array] => [
      `${runDirectory(record.id)}/tree/${path}`,
      bytes,
    ]),
  ]);
  const ref = ports.ledger?.ref ?? LOCAL_LEDGER;
  for (let attempt = 1; ; attempt++) {
    if (attempt > 1) await ports.ledger?.refresh();
    const head = (await git.resolve(ref)) ?? null;
    // Two that executed one run: the first record is the record. What none of our keys signed gives way.
    if (ports.ledger !== undefined && head !== null && (await isRecorded(git, head, record, ports.ledger.keys))) {
      const ended = await ports.ledger.publish({ from: head, to: head });
      if (ended.kind === "published") return { kind: "recorded", commit: head, before: head, manifest: digest };
      if (ended.kind !== "overtaken") return { kind: "later", why: ended.why };
      continue;
    }
    const commit: LedgerCommit = {
      files: new Map([...files, ...(await header(ports, head, record.repository))]),
      message: commitMessage(record, digest, headline(recording)),
      author: { name: "sluice", email: "sluice@localhost" },
      time: Math.floor(Date.parse(record.finishedAt) / 1_000),
    };
    const appended = await git.append(ref, head, [commit]);
    if (appended.kind === "appended") {
      const published = await ports.ledger?.publish({ from: head, to: appended.head });
      if (published === undefined || published.kind === "published")
        return { kind: "recorded", commit: appended.head, before: head, manifest: digest };
      if (published.kind !== "overtaken") return { kind: "later", why: published.why };
    }
    if (attempt === ATTEMPTS) throw new Error(`recording ${record.id}: the ledger moved ${ATTEMPTS} times meanwhile`);
  }
}

/** Key documents stand in the ledger once: those of cached steps came with the run that computed them. */
function documents({ record, known }: Recording): readonly (readonly [string, Uint8Array])[] {
  return record.steps.flatMap(({ key, document, outcome }) => {
    if (key === null || document === null || (outcome.kind === "cached" && known(outcome.from))) return [];
    return [[keyPath(key), new TextEncoder().encode(canonicalJson(document as unknown as Json))] as const];
  });
}

/** `ledger.json` names the ledger and every public key that ever signed in it. */
async function header(
  { git, signer }: RecordPorts,
  head: CommitSha | null,
  repository: string,
): Promise<readonly (readonly [string, Uint8Array])[]> {
  const there = head === null ? undefined : await git.file(head, LEDGER_HEADER);
  const bytes = headerWithKey(there, repository, { keyId: signer.keyId, pem: signer.publicKey });
  return bytes === undefined ? [] : [[LEDGER_HEADER, bytes]];
}

/** `accuracy 0.9889 (+0.0041)`: the pipeline's first metric, against the run before. */
function headline({ record, before }: Recording): string | undefined {
  const spec = record.metricSpecs[0];
  const value = spec === undefined ? undefined : metricOf(record, spec);
  if (spec === undefined || value === undefined) return undefined;
  const old = before?.[spec.name];
  const delta = typeof old === "number" && typeof value === "number" ? ` (${formatDelta(value - old)})` : "";
  return `${spec.name} ${formatMetric(value, typeof old === "number" ? old : value)}${delta}`;
}
