import { runsToVerify } from "../controller/verify-runs.ts";
import type { LoggedCommit, TreeEntry } from "../git/git.ts";
import type { CommitSha, RunId } from "../identity/identity.ts";
import type { History } from "../index/history.ts";
import { recordedRun } from "../manifest/commit-message.ts";
import { parseLedgerHeader } from "../manifest/ledger-header.ts";
import { LEDGER_HEADER, LOCAL_LEDGER } from "../manifest/ledger-paths.ts";
import { isUnsound, verifyJson, verifyText, type Finding, type VerifyView } from "../report/verify-text.ts";
import { isReproductionPath, recordedReproduction } from "../release/reproduction.ts";
import { verifyEvent } from "../release/verify-event.ts";
import { bundleTrust } from "./bundle-trust.ts";
import { EXIT, Refusal } from "./exit.ts";
import { paintOf } from "./history.ts";
import { openRepository } from "./open-repository.ts";
import { bundleFindings, uncheckedBundles } from "./verify-bundles.ts";
import { reproductionFindings } from "./verify-reproductions.ts";
import { eventTrailerFindings, reproductionTrailerFindings } from "./verify-trailers.ts";
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
  const ledgers = selected === undefined ? await ledgersOf(repository) : [selected.ledger];
  const views = await Promise.all(
    ledgers.map(async (ledger) => ({ ledger, view: await viewOf(repository, ledger, selected?.record.id) })),
  );
  if (flags.json === true) world.terminal.print(verifyJson(joined(views.map(({ view }) => view))));
  else
    for (const { ledger, view } of views) {
      if (views.length > 1) world.terminal.print(`${ledger.ref}\n`);
      world.terminal.print(verifyText(view, { paint: paintOf(world), shortId: shortIds(ledger.history) }));
    }
  return views.some(({ view }) => isUnsound(view)) ? EXIT.bad : EXIT.fine;
}

/** The local ledger and the forge's, as far as they are here. */
async function ledgersOf(repository: Repository): Promise<readonly Ledger[]> {
  const shared = await repository.ledger();
  const local = await repository.git.resolve(LOCAL_LEDGER);
  if (shared.ref !== LOCAL_LEDGER)
    return local === undefined ? [shared] : [{ ref: LOCAL_LEDGER, history: await repository.history() }, shared];
  if (local === undefined) throw new Refusal(EXIT.usage, "there is no ledger yet\n  next: sluice run");
  return [shared];
}

async function viewOf(repository: Repository, { ref, history }: Ledger, wanted?: RunId): Promise<VerifyView> {
  const head = await repository.git.resolve(ref);
  if (head === undefined) throw new Refusal(EXIT.usage, "there is no ledger yet\n  next: sluice run");
  const [commits, tree] = await Promise.all([repository.git.log(ref), repository.git.tree(head)]);
  const header = parseLedgerHeader((await repository.git.file(head, LEDGER_HEADER)) ?? new Uint8Array());
  const { keys: publicKeys, repository: own } =
    header.kind === "ok" ? header.value : { keys: new Map<string, string>(), repository: "" };
  const headerFindings =
    header.kind === "ok" ? [] : [{ kind: "header", sentence: `${LEDGER_HEADER} cannot be read: ${header.refusal}` }];
  const { trust, findings } = await bundleTrust(repository, tree);
  const check = trust === null ? undefined : await repository.checkBundles(trust);
  return {
    runs: await repository.verifyRuns({ head, runs: runsToVerify(commits, tree, wanted), publicKeys, trust }),
    ledger: [
      ...headerFindings,
      ...findings,
      ...chainFindings(commits),
      ...unnamedFindings(commits, tree),
      ...leftFindings(history, ref),
      ...eventFindings(history, { commits, publicKeys, own, tree }),
      ...(await reproductionFindings(repository.git, { head, tree, keys: publicKeys, repository: own })),
      ...(await bundleFindings(repository.git, { head, tree, check })),
      ...(await reproductionTrailerFindings(repository.git, { head, commits, history })),
    ],
    others: {
      events: history.events().length,
      reproductions: tree.filter(({ path }) => isReproductionPath(path)).length,
    },
    ...(check === undefined && { unchecked: uncheckedBundles(tree) }),
  };
}

/** Programs read one document, whatever there was to check. */
function joined(views: readonly VerifyView[]): VerifyView {
  const unchecked = views.flatMap((view) => view.unchecked ?? []);
  const others = views.flatMap((view) => view.others ?? []);
  return {
    runs: views.flatMap(({ runs }) => runs),
    ledger: views.flatMap(({ ledger }) => ledger),
    ...(others.length > 0 && { others: together(others) }),
    ...(unchecked.length > 0 && { unchecked: together(unchecked) }),
  };
}

function together(all: readonly NonNullable<VerifyView["others"]>[]): NonNullable<VerifyView["others"]> {
  return {
    events: all.reduce((sum, { events }) => sum + events, 0),
    reproductions: all.reduce((sum, { reproductions }) => sum + reproductions, 0),
  };
}

/** Events that nobody we know signed, that are of another repository than our `own`, or that stand elsewhere than they say; commits that record nothing. */
function eventFindings(
  history: History,
  { commits, publicKeys, own, tree }: Checked & { readonly own: string; readonly tree: readonly TreeEntry[] },
): readonly Finding[] {
  const events = history.events().map((entry) => ({ entry, verified: verifyEvent(entry, publicKeys, own) }));
  const known = new Set(history.events().map(({ commit }) => commit));
  const reproductions = new Set(tree.flatMap(({ path }) => (isReproductionPath(path) ? [path] : [])));
  const isKnown = ({ sha, message }: LoggedCommit): boolean =>
    known.has(sha) ||
    recordedRun(message) !== undefined ||
    reproductions.has(recordedReproduction(message)?.path ?? "") ||
    isFirst(commits, sha);
  const strangers = commits.filter((commit) => !isKnown(commit));
  return [
    ...events.flatMap(({ verified: one }) =>
      one.kind === "valid" ? [] : [{ kind: "event", sentence: `${one.path}: ${one.why}` }],
    ),
    ...eventTrailerFindings(
      commits,
      events.flatMap(({ entry, verified }) => (verified.kind === "valid" ? [{ entry, event: verified.event }] : [])),
    ),
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

/** A tree that holds more runs than its commits record has lost commits. */
function unnamedFindings(commits: readonly LoggedCommit[], tree: readonly TreeEntry[]): readonly Finding[] {
  const named = new Set(commits.flatMap(({ message }) => recordedRun(message) ?? []));
  const unnamed = tree.flatMap(({ path }) => {
    const id = /^runs\/..\/..\/([^/]+)\/manifest\.json$/.exec(path)?.[1];
    return id === undefined || named.has(id as RunId) ? [] : [id.slice(0, 8)];
  });
  if (unnamed.length === 0) return [];
  const some = unnamed.slice(0, 4).join(", ");
  const more = unnamed.length > 4 ? ` and ${unnamed.length - 4} more` : "";
  return [{ kind: "unnamed", sentence: `its tree holds ${some}${more}, which no commit of its history records` }];
}

/** A chain is sound whatever it begins with: that another one was read here before, only this machine's index knows. */
function leftFindings(history: History, ref: string): readonly Finding[] {
  const left = history.left();
  if (left === undefined) return [];
  const back =
    ref === LOCAL_LEDGER
      ? `\`git update-ref ${ref} ${left.slice(0, 12)}\` brings it back`
      : "whoever may push there can bring it back";
  const sentence = `commit ${left.slice(0, 12)} is in its history no more, and was its head when this machine read it: it was begun anew or cut; ${back}, \`sluice cache rebuild\` takes it as it is`;
  return [{ kind: "left", sentence }];
}

interface Checked {
  readonly commits: readonly LoggedCommit[];
  /** Public keys (PEM) by key id, as the ledger names them. */
  readonly publicKeys: ReadonlyMap<string, string>;
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
