import { execFileSync } from "node:child_process";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";

import type { LedgerCommit } from "../src/git/git.ts";
import { openGit } from "../src/git/open-git.ts";
import { smartHttp } from "../src/twin/smart-http.ts";
import { GIT_ENV, commit, writeSources } from "./layered.ts";
import type { Place } from "./place.ts";
import { median, row, type Row } from "./row.ts";

const RUNS = 1_000;
const ROUNDS = 3;
const REF = "refs/heads/sluice/ledger";

/** 1,000 manifests, each a commit of its own, made in one group and pushed over HTTP to git's own server. */
export async function ledger(at: Place): Promise<Row[]> {
  const times: number[] = [];
  for (let round = 0; round < ROUNDS; round++) times.push(await once(at));
  return [row("ledger-1000-committed-and-pushed", [median(times), "ms"], { target: 2_000 })];
}

async function once(at: Place): Promise<number> {
  const [directory, root] = [at.fresh(), at.fresh()];
  writeSources(directory, { layers: 1, width: 1, files: 1 });
  commit(directory);
  const bare = join(root, "remote.git");
  execFileSync("git", ["init", "-q", "--bare", bare], { env: GIT_ENV });
  execFileSync("git", ["-C", bare, "config", "http.receivepack", "true"], { env: GIT_ENV });
  const server = createServer((request, response) => {
    const url = new URL(request.url ?? "/", "http://localhost");
    const call = { root, path: url.pathname, query: url.search.slice(1), user: "bench", ended: async () => undefined };
    void smartHttp(request, response, call);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  try {
    const opened = await openGit(directory);
    if (opened.kind === "refused") throw new Error(opened.why);
    const begin = performance.now();
    const appended = await opened.git.append(
      REF,
      null,
      Array.from({ length: RUNS }, (_, run) => record(run)),
    );
    if (appended.kind !== "appended") throw new Error("the ledger moved");
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/remote.git`;
    const pushed = await opened.git.push(url, [{ from: REF, to: REF }]);
    if (pushed.kind !== "pushed") throw new Error(pushed.why);
    return performance.now() - begin;
  } finally {
    server.close();
    server.closeAllConnections();
  }
}

/** A commit as a run of a handful of steps gives it: a manifest of 4 KB, its signature, one key document. */
function record(run: number): LedgerCommit {
  const id = run.toString(36).padStart(26, "0");
  const text = (size: number): Uint8Array => new TextEncoder().encode(`${id} `.repeat(Math.ceil(size / 27)));
  return {
    files: new Map([
      [`runs/${id.slice(22, 24)}/${id.slice(24)}/${id}/manifest.json`, text(4_096)],
      [`runs/${id.slice(22, 24)}/${id.slice(24)}/${id}/manifest.sig.json`, text(5_500)],
      [`keys/${id.slice(22, 24)}/${id.slice(24)}/${id}.json`, text(600)],
    ]),
    message: `bench: succeeded\n\nSluice-Run: ${id}\n`,
    author: { name: "sluice", email: "sluice@localhost" },
    time: 1_790_000_000 + run,
  };
}
