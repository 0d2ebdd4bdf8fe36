import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";

import type { Ledger, Repository, World } from "../../cli/world.ts";
import { commitView } from "../../git/commit-view.ts";
import { fileWorkTree } from "../../git/file-work-tree.ts";
import type { Git } from "../../git/git.ts";
import { openGit } from "../../git/open-git.ts";
import { workTreeView } from "../../git/work-tree-view.ts";
import { removeTree } from "../../executor/remove-tree.ts";
import type { History } from "../../index/history.ts";
import { programPath } from "../threads/programs.ts";
import { keepOutOfGit } from "./keep-out-of-git.ts";
import { isShallow, localIdentity } from "./local-identity.ts";
import { machine } from "./machine.ts";
import { refreshSchemas } from "./schemas.ts";
import { stampOf } from "./store-stamp.ts";
import { LOCAL_LEDGER } from "../../manifest/ledger-paths.ts";
import type { Signer } from "../../signer/signer.ts";
import { fileAcceptedRuns } from "../../queue/file-accepted-runs.ts";
import { whereWritable } from "../../result/unwritable.ts";
import { fileCheckpoints } from "../../store/checkpoints.ts";
import { fileParsedCache } from "../../store/file-parsed-cache.ts";
import { keptLog, plainLog } from "../../store/log-file.ts";
import { readTail } from "../../store/read-tail.ts";
import { statIndex } from "../../store/stat-index.ts";

/** A part of main.ts that only commands in a repository need: its adapters, each loaded when first asked for. */
export async function openRepository(world: World): ReturnType<World["openRepository"]> {
  const opened = await openGit(world.config.cwd);
  if (opened.kind === "refused") return opened;
  return { kind: "ok", repository: compose(world, opened.git) };
}

function compose(world: World, git: Git): Repository {
  const directory = join(git.root, ".sluice");
  keepOutOfGit(directory);
  refreshSchemas(join(directory, "schema"));
  const digests = statIndex(join(directory, "cache", "stat"), git.root);
  const cache = fileParsedCache(join(directory, "cache", "parsed"), world.version);
  const places = { root: git.root, digests, cache };
  const here = machine();
  let history: History | undefined;
  let shared: Ledger | undefined;
  let identity: Promise<string> | undefined;
  // One for all records: it knows which bundles it made, and who did not answer.
  let signer: Promise<Signer> | undefined;
  return {
    git,
    directory,
    digests,
    cache,
    async parseAside(sources) {
      const { parseAside } = await import("../threads/parse.ts");
      return parseAside(sources, here.cpus);
    },
    workTree: fileWorkTree(git.root, git.directory),
    accepted: fileAcceptedRuns(directory),
    machine: here,
    view: workTreeView(git, (path) => digests.digest(path)),
    commit: (sha) =>
      commitView(git, sha, {
        get: (id) => digests.blob(id),
        set: (id, digest, size) => digests.rememberBlob(id, digest, size),
      }),
    async store(settings) {
      const local = join(git.root, settings.store.path);
      const { filesystemStore } = await import("./adapters.ts");
      if (world.config.storeUrl === undefined) return filesystemStore(local);
      const { storeAt } = await import("../serve/store.ts");
      return storeAt(world.config.storeUrl, local);
    },
    async executor(settings, store, { slots, onDrift }) {
      const { ownEnvironments, processExecutor, withContainers, withKubernetes, withSlurm } =
        await import("./adapters.ts");
      const directory = join(git.root, settings.store.path, "work");
      const materialize: typeof store.materialize = (record, target) => store.materialize(record, target);
      const options = {
        directory,
        sandbox: settings.sandbox,
        slots,
        environments: ownEnvironments(git.root),
        materialize,
        launcherPath: programPath("launcher"),
        path: world.config.path,
        onDrift,
      };
      const plain = processExecutor(options);
      if ("kind" in plain) return plain;
      const onError = (error: unknown): void => world.terminal.say(`sluice: ${String(error)}\n`);
      return withKubernetes(withSlurm(withContainers(plain, options), { ...options, onError, stays: false }), null);
    },
    async isolation(settings) {
      const { isolationHere } = await import("../../executor/isolation.ts");
      return isolationHere(settings.sandbox);
    },
    async unlimitedMemory() {
      const { unlimitedMemory } = await import("../../executor/isolation.ts");
      return unlimitedMemory();
    },
    async dispatcher(slots, perform) {
      const { inProcessDispatcher } = await import("./adapters.ts");
      return inProcessDispatcher(slots, perform);
    },
    async history() {
      if (history !== undefined) {
        await history.sync();
        return history;
      }
      const { sqliteHistory } = await import("./adapters.ts");
      history = sqliteHistory(join(directory, "cache", "history.sqlite"), {
        head: () => git.resolve(LOCAL_LEDGER),
        log: (until) => git.log(LOCAL_LEDGER, until),
        files: (commit, paths) => git.files(commit, paths),
      });
      await history.sync();
      return history;
    },
    async ledger() {
      for (const ref of ["refs/heads/sluice/ledger", "refs/remotes/origin/sluice/ledger"]) {
        if ((await git.resolve(ref)) === undefined) continue;
        if (shared?.ref !== ref) {
          const { sqliteHistory } = await import("./adapters.ts");
          const index = sqliteHistory(join(directory, "cache", "ledger.sqlite"), {
            head: () => git.resolve(ref),
            log: (until) => git.log(ref, until),
            files: (commit, paths) => git.files(commit, paths),
          });
          shared = { ref, history: index };
        }
        await shared.history.sync();
        return shared;
      }
      return { ref: LOCAL_LEDGER, history: await this.history() };
    },
    async verifyRuns(order) {
      const { verifyEverywhere } = await import("../threads/verify.ts");
      return verifyEverywhere(git, order, here.cpus);
    },
    signer() {
      signer ??= openSigner(world, join(directory, "keys"));
      return signer;
    },
    async checkBundles(trust) {
      const { checkBy } = await import("../threads/check-of.ts");
      return checkBy(trust);
    },
    async dataset(dataset, tree) {
      const { datasetState } = await import("../../store/datasets.ts");
      return datasetState(
        {
          ...places,
          inRepository: (path) => tree.get(path) !== undefined || tree.below(path).length > 0,
          isDeleted: (path) => tree.aside(path) === "deleted",
        },
        dataset,
      );
    },
    async measure(path) {
      const { measure } = await import("../../store/datasets.ts");
      return measure(places, path);
    },
    async fetch(wanted, signal) {
      const { fetchDataset } = await import("../../store/fetch-dataset.ts");
      const { variable } = world.config;
      const s3Endpoint = variable("AWS_ENDPOINT_URL_S3") ?? variable("AWS_ENDPOINT_URL") ?? null;
      const fetched = await fetchDataset({ ...places, s3Endpoint }, wanted, signal);
      return fetched.kind === "ok" ? { kind: "ok" } : fetched;
    },
    async writePin(path, pin) {
      const { writePin } = await import("../../store/datasets.ts");
      await writePin(git.root, path, pin);
    },
    shallow: isShallow(git),
    async imageDigest(image, signal) {
      const { imageDigest } = await import("../../executor/image-registry.ts");
      return imageDigest(image, signal);
    },
    logs: {
      tail: (path, bytes) => readTail(path, bytes)?.toString("utf8") ?? "",
      size: (path) => statSync(path, { throwIfNoEntry: false })?.size ?? 0,
      kept: keptLog,
      plain: plainLog,
    },
    checkpoints: (settings) => fileCheckpoints(join(git.root, settings.store.path, "checkpoints"), removeTree),
    identity() {
      identity ??= localIdentity(git, join(directory, "cache", "identity"));
      return identity;
    },
    create(path, text) {
      const target = join(git.root, path);
      if (existsSync(target)) return false;
      mkdirSync(dirname(target), { recursive: true });
      writeFileSync(target, text, { flag: "wx" });
      return true;
    },
    write(path, text) {
      mkdirSync(dirname(join(git.root, path)), { recursive: true });
      writeFileSync(join(git.root, path), text);
    },
    async collect(settings, kept) {
      const { collectHere } = await import("./collect-here.ts");
      return collectHere(world, join(git.root, settings.store.path), kept);
    },
    readCache(name) {
      const path = join(directory, "cache", name);
      return existsSync(path) ? readFileSync(path, "utf8") : undefined;
    },
    writeCache(name, text) {
      whereWritable(() => {
        mkdirSync(join(directory, "cache"), { recursive: true });
        const temporary = join(directory, "cache", `${name}.${process.pid}`);
        writeFileSync(temporary, text);
        renameSync(temporary, join(directory, "cache", name));
      });
    },
    // What others do in a shared store leaves no trace here.
    storeStamp: (path) => (world.config.storeUrl === undefined ? stampOf(join(git.root, path)) : undefined),
    dropCaches() {
      rmSync(join(directory, "cache"), { recursive: true, force: true });
      rmSync(join(directory, "store", "index"), { recursive: true, force: true });
    },
    save() {
      whereWritable(() => digests.save());
      whereWritable(() => cache.save());
    },
  };
}

async function openSigner({ config, clock, terminal }: World, keys: string): Promise<Signer> {
  const { fileSigner } = await import("./adapters.ts");
  const signer = fileSigner(keys, config.signingKey);
  const { keyless } = config;
  if (keyless.wanted === undefined && !keyless.token) return signer;
  const { withBundles } = await import("../keyless.ts");
  return withBundles(signer, keyless, { clock, tell: (sentence) => terminal.say(`${sentence}\n`) });
}
