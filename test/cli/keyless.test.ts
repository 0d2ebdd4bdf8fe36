import { execFileSync } from "node:child_process";
import { readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";

import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";

import { ISSUER, sigstoreHere, WORKFLOW, type SigstoreHere } from "../signer/sigstore-here.ts";
import { ENV, repository, sluiceIn, type Answer, type Bench } from "../sluice.ts";

const ROOT = join(import.meta.dirname, "..", "..");
const LEDGER = "refs/sluice/local";
const PLAIN = "version: 1\nsandbox: off\n";
let here: SigstoreHere;
let bench: Bench;

beforeAll(async () => {
  here = await sigstoreHere();
});
afterAll(async () => {
  await here[Symbol.asyncDispose]();
});
beforeEach(() => {
  bench = repository({
    "sluice.yaml": PLAIN,
    in: "1\n",
    "pipelines/p.yaml": "version: 1\nsteps:\n  make: { run: cp in out, inputs: [in], outputs: [out] }\n",
  });
  bench.commit();
});

/** A run where a token is at hand. */
function run(over: Readonly<Record<string, string>> = {}): Promise<Answer> {
  const keyless = { SIGSTORE_ID_TOKEN: here.token(), SLUICE_FULCIO_URL: here.url, SLUICE_REKOR_URL: here.url };
  return sluiceIn(bench.root, ["run"], { ...ENV, ...keyless, ...over });
}

function trust(subject: string): void {
  const identities = `[{ issuer: "${ISSUER}", subject: "${subject}" }]`;
  bench.write("sluice.yaml", `${PLAIN}sigstore:\n  trusted_root: trusted_root.json\n  identities: ${identities}\n`);
}

/** Paths of Sigstore bundles in the ledger. */
function bundles(): readonly string[] {
  const paths = bench.git("ls-tree", "-r", "--name-only", LEDGER).split("\n");
  return paths.filter((path) => path.endsWith(".sigstore.json"));
}

test("a run with a token is signed by the key and keyless; both are verified offline, by whom sluice.yaml trusts", async () => {
  const ran = await run();
  expect(ran).toMatchObject({ code: 0, stderr: expect.stringContaining("signed keyless, logged at ") as string });

  const unchecked = await bench.sluice("verify");
  expect(unchecked.code).toBe(0);
  expect(unchecked.stdout).toContain("! Sigstore bundles of 1 run were not checked: `sigstore:` in sluice.yaml");

  trust(WORKFLOW.replace("main", "release"));
  const rootless = await bench.sluice("verify");
  expect(rootless.code).toBe(1);
  expect(rootless.stdout).toContain("trusted_root.json is not there, and sluice.yaml names it");

  bench.write("trusted_root.json", here.root);
  const stranger = await bench.sluice("verify");
  expect(stranger.code).toBe(1);
  expect(stranger.stdout).toContain(
    `add { issuer: "${ISSUER}", subject: "${WORKFLOW}" } to \`sigstore.identities\` of sluice.yaml`,
  );

  trust(WORKFLOW.replace("train.yml", "*"));
  const trusted = await bench.sluice("verify");
  expect(trusted).toMatchObject({ code: 0 });
  expect(trusted.stdout).toContain(`✓ 1 run signed keyless by ${WORKFLOW} (${ISSUER})`);

  const [path = ""] = bundles();
  writeFileSync(join(bench.root, "bundle.json"), bench.git("show", `${LEDGER}:${path}`));
  writeFileSync(join(bench.root, "manifest.json"), bench.git("show", `${LEDGER}:${path.replace(".sigstore", "")}`));
  symlinkSync(join(ROOT, "node_modules"), join(bench.root, "node_modules"));
  const text = readFileSync(join(ROOT, "docs", "audit.md"), "utf8");
  const recipe = /```js\n([\s\S]*?)```/.exec(text)?.[1] ?? "";
  const alone = (): string =>
    execFileSync(process.execPath, ["--input-type=module", "-e", recipe], {
      cwd: bench.root,
      encoding: "utf8",
      stdio: "pipe",
    });
  expect(alone()).toBe(`${WORKFLOW} ${ISSUER}\n`);
  bench.write("manifest.json", "{}\n");
  expect(alone).toThrow("of another record");
});

test("where Sigstore does not answer the run is recorded all the same; SLUICE_KEYLESS=off does not ask", async () => {
  here.down.add("fulcio");
  const down = await run();
  here.down.delete("fulcio");
  bench.write("in", "2\n");
  const off = await run({ SLUICE_KEYLESS: "off" });
  trust(WORKFLOW);
  const verified = await bench.sluice("verify");

  expect(down.code).toBe(0);
  expect(down.stderr).toContain("not signed keyless: Fulcio gave no certificate: (503)");
  expect(off).toMatchObject({ code: 0, stderr: expect.not.stringContaining("keyless") as string });
  expect(bundles()).toEqual([]);
  expect(verified).toMatchObject({ code: 0, stdout: expect.stringContaining("2 of 2 runs verified") as string });
});

test("what the environment says wrongly is refused before a step begins", async () => {
  const credentials = await run({ SLUICE_REKOR_URL: "https://ada:hunter2@rekor.example.org" });
  const word = await run({ SLUICE_KEYLESS: "of" });

  expect(credentials).toMatchObject({
    code: 64,
    stderr: expect.stringContaining("SLUICE_REKOR_URL: it holds") as string,
  });
  expect(word).toMatchObject({
    code: 64,
    stderr: expect.stringContaining("SLUICE_KEYLESS must be on or off") as string,
  });
  for (const { stderr } of [credentials, word]) {
    expect(stderr).not.toContain("make");
    expect(stderr).not.toContain("hunter2");
  }
});

test("and nothing is computed again that could not be recorded", async () => {
  await run({ SLUICE_KEYLESS: "off" });
  const keyless = { SIGSTORE_ID_TOKEN: here.token(), SLUICE_FULCIO_URL: "http://sigstore.example.org" };
  const again = await sluiceIn(bench.root, ["reproduce", "latest"], { ...ENV, ...keyless });

  expect(again).toMatchObject({ code: 64, stdout: "" });
  expect(again.stderr).toContain("SLUICE_FULCIO_URL: it is not https");
  expect(again.stderr).not.toContain("make");
});
