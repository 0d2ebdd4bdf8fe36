import type { Git, LoggedCommit } from "../git/git.ts";
import type { CommitSha, RunId } from "../identity/identity.ts";
import type { History } from "../index/history.ts";
import { recordedRun } from "../manifest/commit-message.ts";
import { parseLedgerHeader } from "../manifest/ledger-header.ts";
import {
  keyPath,
  LEDGER_HEADER,
  LOCAL_LEDGER,
  manifestPath,
  runDirectory,
  signaturePath,
} from "../manifest/ledger-paths.ts";
import { checkEnvelopeAside } from "../manifest/dsse.ts";
import { keyChecks, readManifest, verifyRun, type LedgerEntry, type VerifiedRun } from "../manifest/verify.ts";
import { isUnsound, verifyJson, verifyText, type Finding, type VerifyView } from "../report/verify-text.ts";
import { verifyEvent } from "../release/verify-event.ts";
import { EXIT, Refusal } from "./exit.ts";
import { paintOf } from "./history.ts";
import { openRepository } from "./open-repository.ts";
import { selectRun, shortIds } from "./select-run.ts";
import type { Ledger, Repository, World } from "./world.ts";

/** `sluice verify [run|--all]`: signatures, digests and the ledger's chain, offline. */
export async function verify(
  world: World,
  run: string | undefined,
  flags: { readonly json?: boolean },
): Promise<number> {
  const repository = await openRepository(world);
  const selected = run === undefined ? undefined : await selectRun(repository, run);
  const { ref, history } = selected?.ledger ?? (await ledgerOf(repository));
  const head = await repository.git.resolve(ref);
  if (head === undefined) throw new Refusal(EXIT.usage, "there is no ledger yet\n  next: sluice run");
  const wanted = selected?.record.id;
  const commits = await repository.git.log(ref);
  const header = parseLedgerHeader((await repository.git.file(head, LEDGER_HEADER)) ?? new Uint8Array());
  const { keys: publicKeys, repository: own } =
    header.kind === "ok" ? header.value : { keys: new Map<string, string>(), repository: "" };
  const headerFindings =
    header.kind === "ok" ? [] : [{ kind: "header", sentence: `${LEDGER_HEADER} cannot be read: ${header.refusal}` }];
  const view: VerifyView = {
    runs: await verifyRuns(repository.git, { head, commits, wanted, publicKeys }),
    ledger: [...headerFindings, ...chainFindings(commits), ...eventFindings(history, { commits, publicKeys, own })],
  };
  world.terminal.print(
    flags.json === true ? verifyJson(view) : verifyText(view, { paint: paintOf(world), shortId: shortIds(history) }),
  );
  return isUnsound(view) ? EXIT.bad : EXIT.fine;
}

/** The local ledger; in a clone without one, the forge's. */
async function ledgerOf(repository: Repository): Promise<Ledger> {
  const local = await repository.git.resolve(LOCAL_LEDGER);
  return local === undefined ? repository.ledger() : { ref: LOCAL_LEDGER, history: await repository.history() };
}

/** Events that nobody we know signed, that are of another repository than our `own`, or that stand elsewhere than they say; commits that are neither run nor event. */
function eventFindings(
  history: History,
  { commits, publicKeys, own }: Pick<Checked, "commits" | "publicKeys"> & { readonly own: string },
): readonly Finding[] {
  const events = history.events().map((entry) => verifyEvent(entry, publicKeys, own));
  const known = new Set(history.events().map(({ commit }) => commit));
  const strangers = commits.filter(
    ({ sha, message }) => !known.has(sha) && recordedRun(message) === undefined && !isFirst(commits, sha),
  );
  return [
    ...events.flatMap((one) => (one.kind === "valid" ? [] : [{ kind: "event", sentence: `${one.path}: ${one.why}` }])),
    ...strangers.map(({ sha }) => ({
      kind: "commit",
      sentence: `commit ${sha.slice(0, 12)} is neither a run nor an event: Sluice did not write it`,
    })),
  ];
}

/** The first commit may hold the ledger's header alone. */
function isFirst(commits: readonly LoggedCommit[], sha: CommitSha): boolean {
  return commits.at(-1)?.sha === sha;
}

interface Checked {
  readonly head: CommitSha;
  readonly commits: readonly LoggedCommit[];
  readonly wanted: RunId | undefined;
  /** Public keys (PEM) by key id, as the ledger names them. */
  readonly publicKeys: ReadonlyMap<string, string>;
}

/** Twice so many manifests are held at once, however long the ledger is: those gone through, and those read meanwhile. */
const SHARE = 500;

async function verifyRuns(git: Git, { head, commits, wanted, publicKeys }: Checked): Promise<readonly VerifiedRun[]> {
  const runs = commits.flatMap((commit) => {
    const id = recordedRun(commit.message);
    return id === undefined || (wanted !== undefined && id !== wanted) ? [] : [{ id, message: commit.message }];
  });
  const parts = await partPaths(
    git,
    head,
    runs.map(({ id }) => id),
  );
  // The verdict on a key document is remembered, its bytes are not.
  const seen = new Set<string>();
  let keys: ReadonlyMap<string, Uint8Array> = new Map();
  const context = { publicKeys, keyDocument: keyChecks((key) => keys.get(keyPath(key))) };
  const verified: VerifiedRun[] = [];
  let next: Promise<readonly (LedgerEntry | RunId)[]> | undefined;
  for (let at = 0; at < runs.length; at += SHARE) {
    const entries = await (next ?? readEntries(git, { head, parts, publicKeys }, runs.slice(0, SHARE)));
    // Git reads on, and signatures are looked at on other threads, while these are gone through.
    next = readEntries(git, { head, parts, publicKeys }, runs.slice(at + SHARE, at + 2 * SHARE));
    // Where this share cannot be read that is what is said; the next one has nobody who waits for it then.
    next.catch(() => undefined);
    const unseen = keyPaths(entries).filter((path) => !seen.has(path));
    keys = await git.files(head, unseen);
    for (const path of unseen) seen.add(path);
    for (const entry of entries)
      verified.push(typeof entry === "string" ? unrecorded(entry) : verifyRun(entry, context));
  }
  await next;
  return verified;
}

function unrecorded(run: RunId): VerifiedRun {
  const finding = { kind: "manifest" as const, sentence: "its manifest is not in the ledger" };
  return { run, pipeline: "", verified: "none", findings: [finding] };
}

interface Reading {
  readonly head: CommitSha;
  readonly parts: readonly string[];
  readonly publicKeys: ReadonlyMap<string, string>;
}

/** Runs as the ledger has them, with their signatures looked at; an id alone where there is no manifest. */
async function readEntries(
  git: Git,
  { head, parts, publicKeys }: Reading,
  runs: readonly { readonly id: RunId; readonly message: string }[],
): Promise<readonly (LedgerEntry | RunId)[]> {
  const directories = new Set(runs.map(({ id }) => runDirectory(id)));
  const own = parts.filter((path) => directories.has(path.slice(0, path.lastIndexOf("/"))));
  const paths = runs.flatMap(({ id }) => [manifestPath(id), signaturePath(id)]);
  const files = await git.files(head, [...paths, ...own]);
  return Promise.all(
    runs.map(async ({ id, message }): Promise<LedgerEntry | RunId> => {
      const manifest = files.get(manifestPath(id));
      if (manifest === undefined) return id;
      const envelope = files.get(signaturePath(id));
      const part = (file: string): Uint8Array | undefined => files.get(`${runDirectory(id)}/${file}`);
      const signature = envelope === undefined ? undefined : checkEnvelopeAside(envelope, manifest, publicKeys);
      const read = readManifest({ manifest, part });
      return {
        run: id,
        manifest,
        envelope,
        message,
        part,
        read,
        ...(signature === undefined ? {} : { signature: await signature }),
      };
    }),
  );
}

function keyPaths(entries: readonly (LedgerEntry | RunId)[]): readonly string[] {
  const paths = new Set<string>();
  for (const entry of entries) {
    const parsed = typeof entry === "string" ? undefined : entry.read?.parsed;
    for (const step of parsed?.kind === "ok" ? parsed.record.steps : []) {
      if (step.key !== null) paths.add(keyPath(step.key));
    }
  }
  return [...paths];
}

/** Files that very large manifests were spread over. */
async function partPaths(git: Git, head: CommitSha, runs: readonly RunId[]): Promise<readonly string[]> {
  const directories = new Set(runs.map((run) => runDirectory(run)));
  return (await git.tree(head)).flatMap(({ path }) =>
    /^runs\/..\/..\/[^/]+\/[^/]+\.json$/.test(path) && directories.has(path.slice(0, path.lastIndexOf("/")))
      ? [path]
      : [],
  );
}

/** A ledger is one line of commits: each stands on the one before, and the first on nothing. */
function chainFindings(commits: readonly LoggedCommit[]): readonly Finding[] {
  return commits.flatMap((commit, at) => {
    const expected = commits[at + 1]?.sha;
    const [parent, ...others] = commit.parents;
    if (others.length === 0 && parent === expected) return [];
    return [{ kind: "chain", sentence: `commit ${commit.sha.slice(0, 12)} does not stand on the one before it` }];
  });
}
