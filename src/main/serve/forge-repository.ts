import { mkdirSync } from "node:fs";
import { join } from "node:path";

import { datasetAtCommit, pinnedOutput } from "../../controller/dataset-at-commit.ts";
import type { KnownAuthors } from "../../controller/find-authors.ts";
import { NO_PAST, planPipelines, type Past } from "../../controller/plan-pipelines.ts";
import { type PlanAs, type PlanAt, type PlannedCommit, type Project, type RulesAt } from "../../controller/project.ts";
import { readProject } from "../../controller/read-project.ts";
import type { Forge } from "../../forge/forge.ts";
import { commitView } from "../../git/commit-view.ts";
import type { Mirror } from "../../git/mirror.ts";
import { rememberedCommits } from "../../git/remembered-commits.ts";
import { nativeMirror } from "../../git/native-mirror.ts";
import type { RunProgram } from "../../git/run-program.ts";
import type { View } from "../../git/view.ts";
import { digestOf, hexOf, type CommitSha, type RunId } from "../../identity/identity.ts";
import type { History } from "../../index/history.ts";
import { sqliteHistory } from "../../index/sqlite-history.ts";
import { openReleases, type Releases } from "../release/releases.ts";
import type { UnreadRefs } from "../release/taken-refs.ts";
import { keysOf } from "../release/signing-keys.ts";
import { removeFormerIndexes } from "./former-indexes.ts";
import { newestOutput } from "./newest-output.ts";
import { rulesReader } from "./rules-at.ts";
import { notedMirror, type RefusedPushes } from "./noted-mirror.ts";
import { rememberedProjects } from "./remembered-projects.ts";
import { releaseName } from "../../pipeline/release-name.ts";
import type { Narrowed } from "../../pipeline/narrow.ts";
import type { Operator } from "../../pipeline/operator.ts";
import type { Dataset, Pipeline } from "../../pipeline/pipeline.ts";
import type { DatasetState } from "../../pipeline/resolution.ts";
import { orderMemory } from "../../plan/order-memory.ts";
import { pastSteps } from "../../plan/past-steps.ts";
import { artifactOf, outputsOf } from "../../release/artifact.ts";
import type { Signer } from "../../signer/signer.ts";
import { fileParsedCache } from "../../store/file-parsed-cache.ts";
import { statIndex } from "../../store/stat-index.ts";
import type { Store } from "../../store/store.ts";

/** One repository of a forge as a service holds it: a mirror, an index of its ledger, and how its commits are planned. */
export interface ForgeRepository {
  readonly forge: Forge;
  readonly mirror: Mirror;
  readonly history: History;
  readonly releases: Releases;
  /** Authors of commits that were asked for before. */
  readonly authors: KnownAuthors;
  /** What people left under refs and cannot be read. */
  readonly unread: UnreadRefs;
  /** What of ours the remote does not take. */
  readonly refused: RefusedPushes;
  readonly planAt: PlanAt;
  readonly rulesAt: RulesAt;
  /** Settings and pipelines of a commit, without a plan. */
  projectAt(commit: CommitSha): Promise<Project>;
  /** Rules of the default branch as it is now; undefined while the forge cannot be asked. */
  rules(): Promise<Narrowed | undefined>;
  view(commit: CommitSha): View;
  /** Writes what was learnt about blobs and parsed files. */
  save(): void;
}

export interface RepositoryPlace {
  readonly forge: Forge;
  readonly store: Store;
  /** SLUICE_DATA. */
  readonly data: string;
  /** The git binary. */
  readonly program: string;
  /** How git is run. */
  readonly run: RunProgram;
  /** Full name of the ledger branch's ref. */
  readonly ledger: string;
  readonly operator: Operator;
  readonly signer: Pick<Signer, "publicKey">;
  readonly version: string;
}

/** A part of main.ts for services: a repository's adapters, all of them disposable copies below SLUICE_DATA. */
export async function forgeRepository(place: RepositoryPlace): Promise<ForgeRepository> {
  const { forge, data, ledger } = place;
  const directory = join(data, "repositories", String(forge.repository.id));
  mkdirSync(directory, { recursive: true });
  const refused: RefusedPushes = new Map();
  const native = await nativeMirror({
    directory: join(directory, "mirror.git"),
    program: place.program,
    run: place.run,
    grows: ledger,
    remote: remoteOf(forge),
  });
  const mirror = notedMirror(native, refused, { ledger });
  const digests = statIndex(join(directory, "blobs"), directory);
  const cache = fileParsedCache(join(directory, "parsed"), place.version);
  const keys = keysOf(place);
  // Whose word counts decides what is in it: with other keys it is another index.
  const name = `history-${hexOf(digestOf([...keys.keys()].sort().join())).slice(0, 12)}.sqlite`;
  const history = sqliteHistory(join(directory, name), {
    repository: String(forge.repository.id),
    keys,
    // Nobody is told what is on its way to the ledger and may be refused.
    head: () => mirror.published(),
    log: async (until) => mirror.log((await mirror.published()) ?? ledger, until),
    files: (commit, paths) => mirror.files(commit, paths),
  });
  removeFormerIndexes(directory, name);
  const commits = rememberedCommits(mirror);
  const memory = orderMemory();
  let savedAt = -Infinity;
  const view = (commit: CommitSha): View =>
    commitView(commits, commit, {
      get: (id) => digests.blob(id),
      set: (id, digest, size) => digests.rememberBlob(id, digest, size),
    });
  const read = rememberedProjects(async ({ commit, tree }) => {
    await commits.prefetch(tree ?? commit, (path) => /\.ya?ml$/i.test(path));
    return readProject({ cache }, tree === null ? view(commit) : { ...view(tree), commit });
  });
  const planAt: PlanAt = async ({ commit, tree, domain, against, judged, forkPool, as }) => {
    const project = await read({ commit, tree });
    const released = as?.released ?? null;
    const planned = await planPipelines(
      {
        reader: await place.store.reader(domain),
        listing: (digest) => place.store.listingSync(digest),
        datasets: (dataset, seen) => stateOf({ dataset, view: seen, pins: as?.pins ?? null }, { forge, history }),
        past: (pipeline) => past(history, against, pipeline),
        ...(released !== null && {
          release: releasedBy(released, as?.pins ?? null, { history, store: place.store }),
        }),
        memory,
      },
      {
        project,
        pipelines: project.pipelines.filter((file) => as === undefined || file.pipeline.id === as.pipeline),
      },
      {
        platform: PLATFORM,
        accelerator: null,
        pools: place.operator.pools,
        pool: as?.pool ?? null,
        judgedOn: forkPool ?? null,
        forced: new Set(as?.forced),
        // What changes the outside world is done for the default branch alone, and only by a run of its own.
        withEffects: as !== undefined && domain === "main",
        overrides: as?.overrides ?? {},
        ...(judged === undefined ? {} : { judged }),
      },
    );
    return { project, planned };
  };
  const rulesAt = rulesReader(commits, { operator: place.operator, repository: forge.repository.fullName });
  return {
    forge,
    mirror,
    history,
    releases: openReleases(history, { keys, repository: String(forge.repository.id) }),
    authors: new Map(),
    unread: new Map(),
    refused,
    planAt,
    rulesAt,
    projectAt: (commit) => read({ commit, tree: null }),
    async rules() {
      const about = await forge.about();
      if (about.kind !== "ok") return undefined;
      const ref = `refs/heads/${about.value.defaultBranch}`;
      const refreshed = await mirror.refresh([ref]);
      const tip = refreshed.kind === "ok" ? refreshed.refs.get(ref) : undefined;
      return tip === undefined ? undefined : rulesAt(tip);
    },
    view,
    save() {
      // Writes all of it, while nobody is answered; whoever loses some of it reads and parses that again.
      if (performance.now() - savedAt < SAVE_EVERY_MS) return;
      digests.save();
      cache.save();
      savedAt = performance.now();
    },
  };
}

/** Between one writing of what was learnt and the next. */
const SAVE_EVERY_MS = 20_000;
/** The platform of a pool that the operator does not name (SEMANTICS §2). */
const PLATFORM = "linux-x64";
/** An order's pins stand for what "latest" meant when it was accepted. */
async function stateOf(
  of: { readonly dataset: Dataset; readonly view: View; readonly pins: PlanAs["pins"] },
  { forge, history }: { readonly forge: Forge; readonly history: History },
): Promise<DatasetState> {
  const { dataset, view, pins } = of;
  const pin = dataset.kind === "output" ? pins?.[dataset.name] : undefined;
  if (dataset.kind === "output" && pin !== undefined) return pinnedOutput(dataset.path, pin);
  return datasetAtCommit(view, dataset, async (pipeline, path) => {
    const about = await forge.about();
    if (about.kind !== "ok") throw new Error(`asking for the default branch of ${forge.repository.fullName}`);
    return newestOutput(history, about.value.defaultBranch, { pipeline, path });
  });
}

/** Artifacts of a run, by the digests that an order pins, or as its manifest names them. */
function releasedBy(
  run: RunId,
  pins: PlanAs["pins"],
  { history, store }: { readonly history: History; readonly store: Store },
): (path: string) => Promise<DatasetState> {
  return async (path) => {
    const pin = pins?.[releaseName(path)];
    if (pin !== undefined) return pinnedOutput(path, pin);
    const record = await history.readable(run);
    if (record === undefined)
      return {
        kind: "problem",
        message: `run ${run} is not in the ledger, or its manifest cannot be read`,
        next: "promote another run",
      };
    for (const { kind, digest } of outputsOf(record.steps)) if (kind === "directory") await store.listing(digest);
    const found = artifactOf(record, path, (digest) => store.listingSync(digest));
    return found.kind === "found" ? pinnedOutput(path, found.pin) : found;
  };
}

/**
 * Where git reaches a repository by now. The forge's API has limits that its git does not have: while it cannot be
 * asked, what was known a moment ago is good enough to record a run.
 */
function remoteOf(forge: Forge): Parameters<typeof nativeMirror>[0]["remote"] {
  let known: string | undefined;
  return async () => {
    const about = await forge.about();
    // Asked after: a token that does not hold any more was made anew by then.
    const token = await forge.gitToken();
    if (about.kind === "ok") known = about.value.cloneUrl;
    if (about.kind === "not-found") return { kind: "refused", why: "the forge does not know this repository" };
    if (about.kind === "refused") return about;
    if (token.kind === "not-found") return { kind: "refused", why: "the App is not installed there" };
    if (token.kind === "refused") return token;
    if (token.kind !== "ok") return { kind: "unreachable", why: token.why };
    if (known !== undefined) return { kind: "ok", url: known, token: token.value };
    return { kind: "unreachable", why: about.kind === "ok" ? "" : about.why };
  };
}

async function past(history: History, against: PlannedCommit | null, pipeline: Pipeline): Promise<Past> {
  const durations = (step: string): readonly number[] => history.durations(pipeline.id, step);
  if (against === null) return { steps: await history.past([pipeline.id, ...pipeline.was]), durations };
  const base = against.planned.find((one) => one.file.pipeline.id === pipeline.id);
  if (base === undefined || base.order === null) return { ...NO_PAST, durations };
  return { steps: pastSteps(base.order, base.forecast, base.facts), durations };
}
