import type { Commits, LedgerCommit } from "../git/git.ts";
import type { NotRecorded, RemoteLedger } from "../git/mirror.ts";
import { bundlePath } from "../manifest/bundle.ts";
import { preAuthentication, renderEnvelope } from "../manifest/dsse.ts";
import { headerWithKeys } from "../manifest/ledger-header.ts";
import { LEDGER_HEADER } from "../manifest/ledger-paths.ts";
import {
  EVENT_TYPE,
  eventMessage,
  eventPath,
  eventSignaturePath,
  renderEvent,
  type ReleaseEvent,
  type SignedElsewhere,
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
  /** Events, by path, that another of these keys signed already: they go to the ledger as they are. */
  readonly signed?: ReadonlyMap<string, SignedElsewhere>;
}

const ATTEMPTS = 50;
/** So many are signed at once. */
const SHARE = 20;

export interface RecordedEvents {
  readonly kind: "recorded";
  /** How many of the events are new on the ledger. */
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
): Promise<RecordedEvents | NotRecorded> {
  const { git, ledger } = ports;
  const named = onceEach(events);
  for (let attempt = 1; attempt <= ATTEMPTS; attempt++) {
    if (attempt > 1) await ledger.refresh();
    const head = (await git.resolve(ledger.ref)) ?? null;
    const there =
      head === null ? NONE : await recordedAmong(ports, head, { repository, paths: named.map(({ path }) => path) });
    const missing = named.filter(({ path }) => !there.has(path)).map(({ event }) => event);
    if (missing.length === 0) return { kind: "recorded", added: 0 };
    const commits = await commitsOf(ports, repository, missing);
    const appended = await git.append(ledger.ref, head, await withHeader(ports, head, { repository, commits }));
    if (appended.kind !== "appended") continue;
    const published = await ledger.publish({ from: head, to: appended.head });
    if (published.kind === "published") return { kind: "recorded", added: missing.length };
    if (published.kind !== "overtaken") return { kind: "later", why: published.why };
  }
  throw new Error(`recording ${events.length} events: the ledger moved ${ATTEMPTS} times meanwhile`);
}

const NONE: ReadonlySet<string> = new Set();

/** The first of each name. */
function onceEach(events: readonly ReleaseEvent[]): readonly { readonly path: string; readonly event: ReleaseEvent }[] {
  const first = new Map<string, ReleaseEvent>();
  for (const event of events) {
    const path = eventPath(event);
    if (!first.has(path)) first.set(path, event);
  }
  return [...first].map(([path, event]) => ({ path, event }));
}

/** Paths of those events that stand there and count: what was imported or forged stands in nobody's way. */
async function recordedAmong(
  { git, signer, keys }: EventPorts,
  head: CommitSha,
  { repository, paths }: { readonly repository: string; readonly paths: readonly string[] },
): Promise<ReadonlySet<string>> {
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

/** The first commit brings the public keys along that the ledger does not have. */
async function withHeader(
  { git, signer, signed }: EventPorts,
  head: CommitSha | null,
  { repository, commits }: { readonly repository: string; readonly commits: readonly LedgerCommit[] },
): Promise<readonly LedgerCommit[]> {
  const there = head === null ? undefined : await git.file(head, LEDGER_HEADER);
  const others = [...(signed?.values() ?? [])].map(({ key }) => key);
  const brought = headerWithKeys(there, repository, [{ keyId: signer.keyId, pem: signer.publicKey }, ...others]);
  if (brought === undefined) return commits;
  return commits.map((commit, at) =>
    at > 0 ? commit : { ...commit, files: new Map([...commit.files, [LEDGER_HEADER, brought]]) },
  );
}

/** In the order of the events; what signs may have to ask others, who do not answer at once. */
async function commitsOf(
  ports: EventPorts,
  repository: string,
  events: readonly ReleaseEvent[],
): Promise<readonly LedgerCommit[]> {
  const commits: LedgerCommit[] = [];
  for (let at = 0; at < events.length; at += SHARE)
    commits.push(
      ...(await Promise.all(events.slice(at, at + SHARE).map((event) => commitOf(ports, { repository, event })))),
    );
  return commits;
}

async function commitOf({ signer, signed }: EventPorts, own: SignedEvent): Promise<LedgerCommit> {
  const { event } = own;
  const path = eventPath(event);
  const { payload, envelope, bundle } = signed?.get(path) ?? (await signedBy(signer, own));
  return {
    files: new Map([
      [path, payload],
      [eventSignaturePath(path), envelope],
      ...(bundle === undefined ? [] : [[bundlePath(path), bundle] as const]),
    ]),
    message: eventMessage(event),
    author: { name: "sluice", email: "sluice@localhost" },
    time: Math.floor(Date.parse(event.at) / 1_000),
  };
}

async function signedBy(signer: Signer, own: SignedEvent): Promise<Omit<SignedElsewhere, "key">> {
  const payload = renderEvent(own);
  const [bytes, bundle] = await Promise.all([
    signer.sign(preAuthentication(EVENT_TYPE, payload)),
    signer.bundle?.(payload, EVENT_TYPE),
  ]);
  return { payload, envelope: renderEnvelope(payload, { keyId: signer.keyId, bytes }, EVENT_TYPE), bundle };
}
