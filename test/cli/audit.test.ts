import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";

import { describe, expect, test } from "vitest";

import { recordEvents } from "../../src/controller/record-events.ts";
import { recordReproductions, signReproduction } from "../../src/controller/record-reproduction.ts";
import { recordRun } from "../../src/controller/record-run.ts";
import type { RemoteLedger } from "../../src/git/mirror.ts";
import { digestOf } from "../../src/identity/identity.ts";
import { manifestPath } from "../../src/manifest/ledger-paths.ts";
import { eventMessage, eventPath, type ReleaseEvent } from "../../src/release/release-event.ts";
import { pointerCause } from "../../src/release/pointer.ts";
import { differencesOf } from "../../src/release/reproduction.ts";
import { fileSigner } from "../../src/signer/file-signer.ts";
import { filesystemStore } from "../../src/store/filesystem-store.ts";
import { commitOf, opened } from "../contract/git.ts";
import { digitsRun } from "../manifest/run-records.ts";
import { ENV, repository, type Bench } from "../sluice.ts";

const LEDGER = "refs/heads/sluice/ledger";
const run = digitsRun({ trigger: "push", requestedBy: null });

function event(kind: ReleaseEvent["kind"], cause: string, more: Partial<ReleaseEvent> = {}): ReleaseEvent {
  return {
    kind,
    environment: "prod",
    pipeline: "digits",
    run: run.id,
    evidence: digestOf("evidence"),
    by: { id: 7, login: "ada" },
    cause,
    at: "2026-02-01T10:00:00Z",
    reason: null,
    pullRequest: 12,
    deployment: null,
    revokes: null,
    ...more,
  };
}

/** A clone whose ledger holds a run, its release with one approval that counts and one taken back, and a rollback. */
async function audited(): Promise<Bench> {
  const bench = repository({ "README.md": "x\n" });
  bench.commit();
  const git = await opened(bench.root, "native");
  const ledger: RemoteLedger = {
    ref: LEDGER,
    refresh: async () => undefined,
    publish: async () => ({ kind: "published" }),
  };
  const signer = fileSigner(join(bench.root, ".git", "keys"), undefined);
  const store = filesystemStore(join(bench.root, ".git", "store"));
  await recordRun(
    { git, store, signer, ledger: { ...ledger, keys: new Map([[signer.keyId, signer.publicKey]]) } },
    { record: run, before: undefined, known: () => false, tree: new Map() },
  );
  const bob = { id: 8, login: "bob" };
  await recordEvents({ git, signer, ledger }, run.repository, [
    event("requested", "label:1", { pullRequest: null }),
    event("requested", pointerCause(12, "label:1")),
    event("approved", "label:2", { by: bob, at: "2026-02-01T10:05:00Z" }),
    event("approved", "review:3", { by: { id: 9, login: "<eve>" } }),
    event("revoked", "void:review:3", { by: { id: 9, login: "<eve>" }, revokes: "approval", reason: "left the team" }),
    event("released", "merge:1", { at: "2026-02-01T10:10:00Z" }),
    event("deployed", "run:d1", { at: "2026-02-01T10:11:00Z", deployment: { number: 1, end: "succeeded" } }),
    event("rolled-back", "comment:9", {
      at: "2026-03-01T00:00:00Z",
      by: bob,
      reason: "=cmd|'/c calc'!A1 is <b>bad</b>",
    }),
    event("forced", "comment:10", {
      environment: "staging",
      at: "2026-03-02T00:00:00Z",
      by: bob,
      reason: "it burns",
      skipped: ["waiting for 2 approvals", "gate x does not hold"],
    }),
  ]);
  const again = await signReproduction(signer, {
    repository: run.repository,
    run: run.id,
    manifest: digestOf((await git.file((await git.resolve(LEDGER)) ?? run.source, manifestPath(run.id))) ?? ""),
    platform: "linux-x64",
    compared: 12,
    differences: differencesOf([]),
    left: [],
    at: "2026-03-03T00:00:00.000Z",
  });
  await recordReproductions({ git, ledger }, run.pipeline, [again]);
  await store[Symbol.asyncDispose]();
  return bench;
}

describe("audit", () => {
  test("says who asked and who agreed, with what, in every format", async () => {
    const bench = await audited();
    const json = JSON.parse((await bench.sluice("audit", "--format", "json")).stdout) as {
      events: Record<string, string>[];
    };
    expect(json.events.map((row) => [row["event"], row["requested_by"], row["approved_by"]])).toEqual([
      ["released", "ada", "bob at 2026-02-01T10:05:00Z"],
      ["deployed succeeded", "ada", ""],
      ["rolled-back", "bob", ""],
      ["forced", "bob", ""],
    ]);
    expect(json.events[3]?.["reason"]).toBe("it burns · passed over: waiting for 2 approvals; gate x does not hold");
    expect(json.events[0]).toMatchObject({
      run: run.id,
      source: run.source,
      metrics: "accuracy=0.9889; log_loss=0.0709",
    });
    const markdown = await bench.sluice("audit");
    expect(markdown.code).toBe(0);
    expect(markdown.stdout).toContain("| `prod/digits` |");
    const csv = (await bench.sluice("audit", "--format", "csv")).stdout;
    expect(csv.split("\r\n")).toHaveLength(6);
    expect(csv).not.toMatch(/,=cmd/);
    const html = (await bench.sluice("audit", "--format", "html")).stdout;
    expect(html).not.toMatch(/<script|<b>bad|https?:\/\//);
    expect(html).toContain("&lt;b&gt;bad");
    const early = await bench.sluice("audit", "--format", "json", "--to", "2026-02-15");
    expect((JSON.parse(early.stdout) as { events: unknown[] }).events).toHaveLength(2);
    expect((await bench.sluice("audit", "--from", "soon")).code).toBe(64);
    expect(markdown.stdout).toContain(`# Audit of \`${run.repository}\`, `);
    execFileSync("git", ["-C", bench.root, "remote", "add", "origin", "https://github.com/acme/digits.git"]);
    expect((await bench.sluice("audit")).stdout).toContain(`# Audit of \`acme/digits (${run.repository})\`, `);
  });

  test("the log of an environment, and verification of its events", async () => {
    const bench = await audited();
    const log = await bench.sluice("log", "--env", "prod");
    expect(log.stdout.split("\n")[0]).toContain("prod/digits rolled-back");
    expect(log.stdout).toContain("approved");
    // It was recorded before there was a pull request, and once more when that was there.
    expect(log.stdout.match(/requested .*/g)).toEqual([`requested ${run.id.slice(0, 4)} by ada · pull request #12`]);
    const verified = await bench.sluice("verify", "--all");
    expect([verified.code, verified.stdout]).toEqual([0, expect.stringContaining("1 of 1 run verified")]);
  });

  test("recipes of docs/audit.md work with plain git and OpenSSL", async () => {
    const bench = await audited();
    const text = readFileSync(join(import.meta.dirname, "..", "..", "docs", "audit.md"), "utf8");
    const recipes = [...text.matchAll(/```sh\n([\s\S]*?)```/g)].map(([, code = ""]) => code);
    const outputs = recipes.map((code) =>
      execFileSync("bash", ["-euo", "pipefail", "-c", code], {
        cwd: bench.root,
        env: { ...ENV, LEDGER },
        encoding: "utf8",
      }),
    );
    expect(outputs.map((output) => output.trim().split("\n").length)).toEqual([
      8,
      2,
      1,
      expect.any(Number),
      2,
      1,
      1,
      1,
      1,
      1,
    ]);
    expect(outputs[1]).toContain(digestOf("evidence"));
    expect(outputs[3]).toContain("Sluice-Metric: accuracy=0.9889");
    expect(outputs[5]).toContain("staging/digits: forced by bob · it burns");
    expect(outputs[6]).toContain("prod/digits: revoked by <eve> · left the team");
    expect(outputs[7]).toContain("prod/digits: deployed by ada, succeeded run:d1");
    expect(outputs[8]).toContain(`${run.id.slice(0, 4)} reproduced, 12 digests and metrics compared ${run.id}`);
    expect(outputs[9]).toContain("Signature Verified Successfully");
  });
});

test("what somebody else wrote into the ledger is named, and does not count", async () => {
  const bench = await audited();
  const git = await opened(bench.root, "native");
  const head = (await git.resolve(LEDGER)) ?? null;
  const forged = event("released", "merge:2", { environment: "staging" });
  await git.append(LEDGER, head, [
    commitOf({ "note.txt": "hello" }, { message: "hello\n" }),
    commitOf(
      { [eventPath(forged)]: JSON.stringify({ event: 2, repository: run.repository, ...forged }) },
      { message: eventMessage(forged) },
    ),
  ]);
  const audit = await bench.sluice("audit");
  expect(audit.code).toBe(1);
  expect(audit.stdout).toContain("Not counted");
  const verified = await bench.sluice("verify", "--all");
  expect(verified.code).toBe(1);
  expect(verified.stdout).toContain("neither a run nor an event");
  const log = await bench.sluice("log", "--env", "staging");
  expect(log.stdout).not.toContain("released");
  expect(log.stderr).toContain("left out: 1 record of staging that no key of this ledger signed for it");
  expect((await bench.sluice("log", "--env", "prod")).stderr).toBe("");
});

test("an event whose file was changed later is named by whoever read it before, and by whoever did not", async () => {
  const bench = await audited();
  expect((await bench.sluice("audit")).code).toBe(0);
  const git = await opened(bench.root, "native");
  const approved = event("approved", "label:2", { by: { id: 9, login: "mallory" } });
  const path = eventPath(approved);
  const bytes = JSON.stringify({ event: 2, repository: run.repository, ...approved });
  await git.append(LEDGER, (await git.resolve(LEDGER)) ?? null, [commitOf({ [path]: bytes }, { message: "mend\n" })]);

  const warm = await bench.sluice("audit", "--format", "csv");
  expect([warm.code, warm.stderr]).toEqual([
    1,
    expect.stringContaining(`${path}: what a later commit made of this file; the event is counted`),
  ]);
  expect(warm.stdout).not.toContain("mallory");
  await bench.sluice("cache", "rebuild");
  const cold = await bench.sluice("audit", "--format", "csv");
  expect([cold.code, cold.stderr]).toEqual([1, expect.stringContaining(`${path}: `)]);
  expect(cold.stdout).not.toContain("mallory");
});

test("trailers that say something else than the record that they bring are named", async () => {
  const bench = await audited();
  let parent = bench.git("rev-parse", `${LEDGER}~2`).trim();
  const changes = [
    (forced: string) =>
      forced.replace(/^(Sluice-Run: ).*$/m, `$1${"0".repeat(26)}`).replace(/^Sluice-Evidence: .*\n/m, ""),
    (reproduced: string) => reproduced.replace("Sluice-Reproduced: true", "Sluice-Reproduced: false"),
  ];
  for (const [at, change] of changes.entries()) {
    const commit = bench.git("rev-parse", `${LEDGER}~${1 - at}`).trim();
    const message = change(bench.git("log", "-1", "--format=%B", commit).trimEnd());
    parent = bench.git("commit-tree", `${commit}^{tree}`, "-p", parent, "-m", message).trim();
  }
  bench.git("update-ref", LEDGER, parent);

  const verified = await bench.sluice("verify", "--all");

  expect(verified.code).toBe(1);
  expect(verified.stdout.split("\n").filter((line) => line.startsWith("✗"))).toEqual([
    expect.stringMatching(
      new RegExp(
        `commit [0-9a-f]{12}: the commit's Sluice-Run says 0{26}, releases/staging/digits/\\w+\\.json gives ${run.id}`,
      ),
    ),
    expect.stringMatching(
      /the commit's Sluice-Evidence is missing, releases\/staging\/digits\/\w+\.json gives sha256:/,
    ),
    expect.stringMatching(/the commit's Sluice-Reproduced says false, runs\/.*\/reproductions\/\w+\.json gives true/),
  ]);
});
