import type { Commits, LedgerCommit } from "../git/git.ts";
import type { NotRecorded, RemoteLedger } from "../git/mirror.ts";
import { digestOf, type CommitSha } from "../identity/identity.ts";
import { bundlePath } from "../manifest/bundle.ts";
import { preAuthentication, renderEnvelope } from "../manifest/dsse.ts";
import { headerWithKeys } from "../manifest/ledger-header.ts";
import { LEDGER_HEADER } from "../manifest/ledger-paths.ts";
import { eventSignaturePath } from "../release/release-event.ts";
import {
  renderReproduction,
  REPRODUCTION_TYPE,
  reproductionMessage,
  reproductionPath,
  type Reproduction,
  type SignedReproduction,
} from "../release/reproduction.ts";
import { verifyReproduction } from "../release/verify-reproduction.ts";
import type { Signer } from "../signer/signer.ts";

export interface ReproductionPorts {
  readonly git: Commits;
  readonly ledger: RemoteLedger;
}

export async function signReproduction(signer: Signer, reproduction: Reproduction): Promise<SignedReproduction> {
  const payload = renderReproduction(reproduction);
  const [bytes, bundle] = await Promise.all([
    signer.sign(preAuthentication(REPRODUCTION_TYPE, payload)),
    signer.bundle?.(payload, REPRODUCTION_TYPE),
  ]);
  const envelope = renderEnvelope(payload, { keyId: signer.keyId, bytes }, REPRODUCTION_TYPE);
  return { reproduction, signed: { payload, envelope, bundle, key: { keyId: signer.keyId, pem: signer.publicKey } } };
}

const ATTEMPTS = 50;

/**
 * Writes reproductions of one pipeline's runs to a ledger as they were signed, one commit each; what stands there already
 * is not written again, and a ledger that moved meanwhile is stood upon.
 */
export async function recordReproductions(
  { git, ledger }: ReproductionPorts,
  pipeline: { readonly id: string; readonly name: string },
  all: readonly SignedReproduction[],
): Promise<{ readonly kind: "recorded" } | NotRecorded> {
  for (let attempt = 1; attempt <= ATTEMPTS; attempt++) {
    if (attempt > 1) await ledger.refresh();
    const head = (await git.resolve(ledger.ref)) ?? null;
    const missing = await missingAt(git, head, all);
    if (missing.length === 0) return { kind: "recorded" };
    const header = await headerOf(git, head, missing);
    const commits = missing.map((one, at) => commitOf(one, pipeline, at === 0 ? header : undefined));
    const appended = await git.append(ledger.ref, head, commits);
    if (appended.kind !== "appended") continue;
    const published = await ledger.publish({ from: head, to: appended.head });
    if (published.kind === "published") return { kind: "recorded" };
    if (published.kind !== "overtaken") return { kind: "later", why: published.why };
  }
  throw new Error(`recording ${all.length} reproductions: the ledger moved ${ATTEMPTS} times meanwhile`);
}

function pathOf({ reproduction: { run }, signed: { payload } }: SignedReproduction): string {
  return reproductionPath(run, digestOf(payload));
}

/** What does not stand there as it was signed: what somebody else put in its place stands in nobody's way. */
async function missingAt(
  git: Commits,
  head: CommitSha | null,
  all: readonly SignedReproduction[],
): Promise<readonly SignedReproduction[]> {
  if (head === null) return all;
  const paths = all.map(pathOf);
  const files = await git.files(head, [...paths, ...paths.map(eventSignaturePath)]);
  return all.filter((one) => {
    const path = pathOf(one);
    const payload = files.get(path);
    if (payload === undefined) return true;
    const { repository } = one.reproduction;
    const { keyId, pem } = one.signed.key;
    const entry = { path, payload, envelope: files.get(eventSignaturePath(path)) };
    return verifyReproduction(entry, { keys: new Map([[keyId, pem]]), repository }).kind !== "valid";
  });
}

async function headerOf(
  git: Commits,
  head: CommitSha | null,
  missing: readonly SignedReproduction[],
): Promise<Uint8Array | undefined> {
  const there = head === null ? undefined : await git.file(head, LEDGER_HEADER);
  const repository = missing[0]?.reproduction.repository ?? "";
  return headerWithKeys(
    there,
    repository,
    missing.map(({ signed }) => signed.key),
  );
}

function commitOf(
  one: SignedReproduction,
  pipeline: Parameters<typeof reproductionMessage>[1],
  header: Uint8Array | undefined,
): LedgerCommit {
  const { reproduction, signed } = one;
  const path = pathOf(one);
  return {
    files: new Map([
      [path, signed.payload],
      [eventSignaturePath(path), signed.envelope],
      ...(signed.bundle === undefined ? [] : [[bundlePath(path), signed.bundle] as const]),
      ...(header === undefined ? [] : [[LEDGER_HEADER, header] as const]),
    ]),
    message: reproductionMessage(reproduction, pipeline),
    author: { name: "sluice", email: "sluice@localhost" },
    time: Math.floor(Date.parse(reproduction.at) / 1_000),
  };
}
