import type { Commits, LedgerCommit } from "../git/git.ts";
import type { RemoteLedger } from "../git/mirror.ts";
import { preAuthentication, renderEnvelope } from "../manifest/dsse.ts";
import { headerWithKey } from "../manifest/ledger-header.ts";
import { LEDGER_HEADER } from "../manifest/ledger-paths.ts";
import {
  EVENT_TYPE,
  eventMessage,
  eventPath,
  eventSignaturePath,
  renderEvent,
  type ReleaseEvent,
  type SignedEvent,
} from "../release/release-event.ts";
import { verifyEvent } from "../release/verify-event.ts";
import type { CommitSha } from "../identity/identity.ts";
import type { Signer } from "../signer/signer.ts";

export interface EventPorts {
  readonly git: Commits;
  readonly signer: Signer;
  readonly ledger: RemoteLedger;
  /** Public keys (PEM by key id) whose events count beside the signer's own, such as retired ones. */
  readonly keys?: ReadonlyMap<string, string>;
}

const ATTEMPTS = 50;

/** How many of the events are new on the ledger. */
export interface RecordedEvents {
  readonly added: number;
}

/**
 * Writes events to the ledger, one signed commit each and all in one push; an event that stands there already, named by
 * its cause, is not written again, and what nobody of us signed gives way to it. A ledger that moved meanwhile is stood upon.
 */
export async function recordEvents(
  ports: EventPorts,
  repository: string,
  events: readonly ReleaseEvent[],
): Promise<RecordedEvents> {
  const { git, ledger } = ports;
  for (let attempt = 1; attempt <= ATTEMPTS; attempt++) {
    if (attempt > 1) await ledger.refresh();
    const head = (await git.resolve(ledger.ref)) ?? null;
    const there = head === null ? NONE : await recordedAmong(ports, head, { repository, events });
    const missing = events.filter(
      (event, at) =>
        !there.has(eventPath(event)) && events.findIndex((one) => eventPath(one) === eventPath(event)) === at,
    );
    if (missing.length === 0) return { added: 0 };
    const commits: LedgerCommit[] = [];
    for (const event of missing) commits.push(await commitOf(ports, { repository, event }));
    const appended = await git.append(ledger.ref, head, await withHeader(ports, head, { repository, commits }));
    if (appended.kind !== "appended") continue;
    const published = await ledger.publish({ from: head, to: appended.head });
    if (published.kind === "published") return { added: missing.length };
    if (published.kind !== "overtaken") throw new Error(`recording releases: ${published.why}`);
  }
  throw new Error(`recording ${events.length} events: the ledger moved ${ATTEMPTS} times meanwhile`);
}

const NONE: ReadonlySet<string> = new Set();

/** Paths of those events that stand there and count: what was imported or forged stands in nobody's way. */
async function recordedAmong(
  { git, signer, keys }: EventPorts,
  head: CommitSha,
  { repository, events }: { readonly repository: string; readonly events: readonly ReleaseEvent[] },
): Promise<ReadonlySet<string>> {
  const paths = events.map(eventPath);
  const files = await git.files(
    head,
    paths.flatMap((path) => [path, eventSignaturePath(path)]),
  );
  const ours = new Map([...(keys ?? []), [signer.keyId, signer.publicKey]]);
  const counts = (path: string): boolean => {
    const payload = files.get(path);
    if (payload === undefined) return false;
    const entry = { path, payload, envelope: files.get(eventSignaturePath(path)) };
    return verifyEvent(entry, ours, repository).kind === "valid";
  };
  return new Set(paths.filter(counts));
}

/** The first commit brings our public key along where the ledger does not have it. */
async function withHeader(
  { git, signer }: EventPorts,
  head: CommitSha | null,
  { repository, commits }: { readonly repository: string; readonly commits: readonly LedgerCommit[] },
): Promise<readonly LedgerCommit[]> {
  const there = head === null ? undefined : await git.file(head, LEDGER_HEADER);
  const header = headerWithKey(there, repository, { keyId: signer.keyId, pem: signer.publicKey });
  if (header === undefined) return commits;
  return commits.map((commit, at) =>
    at > 0 ? commit : { ...commit, files: new Map([...commit.files, [LEDGER_HEADER, header]]) },
  );
}

async function commitOf({ signer }: EventPorts, signed: SignedEvent): Promise<LedgerCommit> {
  const { event } = signed;
  const payload = renderEvent(signed);
  const bytes = await signer.sign(preAuthentication(EVENT_TYPE, payload));
  const path = eventPath(event);
  return {
    files: new Map([
      [path, payload],
      [eventSignaturePath(path), renderEnvelope(payload, { keyId: signer.keyId, bytes }, EVENT_TYPE)],
    ]),
    message: eventMessage(event),
    author: { name: "sluice", email: "sluice@localhost" },
    time: Math.floor(Date.parse(event.at) / 1_000),
  };
}
