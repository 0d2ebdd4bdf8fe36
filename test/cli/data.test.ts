import { execFile, execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, lstatSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer as plainServer, type RequestListener, type Server } from "node:http";
import { createServer as secureServer } from "node:https";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { pathToFileURL } from "node:url";

import { describe, expect, onTestFinished, test } from "vitest";

import { BIN, ENV, repository, type Bench } from "../sluice.ts";

function project(dataset: string, more: Readonly<Record<string, string>> = {}): Bench {
  const bench = repository({
    "sluice.yaml": "version: 1\nsandbox: off\n",
    ".gitignore": "data/raw*\n",
    "pipelines/p.yaml": `version: 1\ndatasets:\n  raw: ${dataset}\nsteps:\n  read: { run: cat data/raw > out, inputs: ["dataset:raw"], outputs: [out] }\n`,
    ...more,
  });
  bench.commit();
  return bench;
}

async function listening(server: Server): Promise<number> {
  onTestFinished(() => void server.close());
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return (server.address() as AddressInfo).port;
}

const out = (bench: Bench): string => readFileSync(join(bench.root, "out"), "utf8");

test("a dataset behind an address is fetched, pinned, fetched again where it is not, and trusted only by its pin", async () => {
  let body = "raw bytes\n";
  let asked = 0;
  const answer: RequestListener = (request, response) => {
    asked++;
    if (request.url === "/moved") response.writeHead(302, { location: "/raw" }).end();
    else if (request.url === "/raw") response.end(body);
    else response.writeHead(404).end();
  };
  const port = await listening(plainServer(answer));
  const bench = project(`{ path: data/raw, uri: "http://127.0.0.1:${port}/moved" }`);

  const unpinned = await bench.sluice("plan");
  const added = await bench.sluice("data", "add", "raw");
  const status = await bench.sluice("data", "status");
  bench.commit();
  rmSync(join(bench.root, "data/raw"));
  const plan = await bench.sluice("plan");
  const askedByPlan = asked;
  const run = await bench.sluice("run");
  body = "other bytes\n";
  rmSync(join(bench.root, "data/raw"));
  const other = await bench.sluice("run", "--force", "read");

  expect(unpinned.code).toBe(1);
  expect(unpinned.stderr).toContain("sluice data add raw");
  expect(added.stdout).toMatch(/^datasets\/raw\.yaml: sha256:[0-9a-f]{64} \(1 file, 10 B\)\n$/);
  expect(status.stdout).toBe("p: raw  pinned, 10 B\n");
  expect(plan.stdout).toContain("▶ read");
  expect(askedByPlan).toBe(2);
  expect(run.code, run.stderr).toBe(0);
  expect(out(bench)).toBe("raw bytes\n");
  expect(bench.git("status", "--porcelain")).toBe("");
  expect(other.code).toBe(1);
  expect(other.stderr).toContain("gives other bytes than the pin says");
  expect(existsSync(join(bench.root, "data/raw"))).toBe(false);
});

test("addresses that do not answer, answer wrongly, or are of another kind are told with what to do", async () => {
  const server = plainServer((_, response) => response.writeHead(403).end());
  const port = await listening(server);
  const adding = async (uri: string): Promise<string> => {
    const bench = project(`{ path: data/raw, uri: "${uri}" }`);
    const { code, stderr } = await bench.sluice("data", "add", "raw");
    expect(code).toBe(1);
    expect(existsSync(join(bench.root, "data/raw"))).toBe(false);
    return stderr;
  };

  expect(await adding(`http://127.0.0.1:${port}/x`)).toContain("answers 403");
  expect(await adding("http://data.example.org/x")).toContain("use a `file:`, `https:` or `s3:` address");
  expect(await adding("s3://bucket")).toContain("write `s3://bucket/key`");
  expect(await adding("file:///nowhere/at/all")).toContain("there is no file /nowhere/at/all");
  await new Promise((resolve) => server.close(resolve));
  expect(await adding(`http://127.0.0.1:${port}/x`)).toContain("does not answer");
});

test("`https:` is believed only by a certificate that the machine believes", async () => {
  const bench = project('{ path: data/raw, uri: "https://localhost:PORT/raw" }');
  const key = join(bench.root, ".git", "key.pem");
  const cert = join(bench.root, ".git", "cert.pem");
  const subject = ["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost"];
  execFileSync(
    "openssl",
    ["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", key, "-out", cert, "-days", "2", ...subject],
    { stdio: "ignore" },
  );
  const port = await listening(
    secureServer({ key: readFileSync(key), cert: readFileSync(cert) }, (_, response) => response.end("secret\n")),
  );
  const file = join(bench.root, "pipelines/p.yaml");
  writeFileSync(file, readFileSync(file, "utf8").replace("PORT", String(port)));
  const adding = (env: NodeJS.ProcessEnv): Promise<number> =>
    new Promise((resolve) => {
      execFile(BIN, ["data", "add", "raw"], { cwd: bench.root, env: { ...ENV, ...env } }, (error) =>
        resolve(error === null ? 0 : Number(error.code)),
      );
    });

  expect(await adding({})).toBe(1);
  expect(await adding({ NODE_EXTRA_CA_CERTS: cert })).toBe(0);
  expect(readFileSync(join(bench.root, "data/raw"), "utf8")).toBe("secret\n");
});

test("`file:` addresses are copied to their place, also with spaces in them", async () => {
  const bench = project('{ path: data/raw, uri: "URI" }');
  const source = join(bench.root, ".git", "a file");
  writeFileSync(source, "from a file\n");
  const file = join(bench.root, "pipelines/p.yaml");
  writeFileSync(file, readFileSync(file, "utf8").replace("URI", pathToFileURL(source).href));
  bench.commit();

  const added = await bench.sluice("data", "add", "raw");
  const run = await bench.sluice("run");

  expect(added.code, added.stderr).toBe(0);
  expect(run.code, run.stderr).toBe(0);
  expect(out(bench)).toBe("from a file\n");
});

test("data that differs from its pin is a problem; `data update` accepts it, and it is what runs the step", async () => {
  const bench = project("{ path: data/raw }");
  bench.write("data/raw", "one\n");
  await bench.sluice("data", "add", "raw");
  bench.commit();
  await bench.sluice("run");
  bench.write("data/raw", "two, longer\n");

  const refused = await bench.sluice("run");
  const status = await bench.sluice("data", "status");
  await bench.sluice("data", "update", "raw");
  const plan = await bench.sluice("plan");
  const run = await bench.sluice("run");

  expect(refused.code).toBe(1);
  expect(refused.stderr).toContain("is not what `datasets/raw.yaml` pins");
  expect(refused.stderr).toContain("sluice data update raw");
  expect(status.code).toBe(1);
  expect(plan.stdout).toMatch(/▶ read +input data\/raw changed/);
  expect(run.code, run.stderr).toBe(0);
  expect(out(bench)).toBe("two, longer\n");
  // The pin that it read is in no commit: it is kept with the run, which computes again whatever is pinned later.
  expect(run.stdout).toContain("from uncommitted files: datasets/raw.yaml");
  bench.git("checkout", "datasets/raw.yaml");
  const again = await bench.sluice("reproduce", "latest");
  bench.write("data/raw", "three\n");
  const other = await bench.sluice("reproduce", "latest");
  expect(again.code, again.stderr).toBe(0);
  expect(other.code).toBe(1);
  expect(other.stderr).toMatch(/`data\/raw` holds other bytes, and run \w{4} read sha256:\w{12}/);
});

test("a directory in place is never copied: the step reads it where it stands", async () => {
  const bench = project("{ path: data/raw }");
  bench.write("data/raw/a", "a\n");
  bench.write("data/raw/sub/b", "b\n");
  const file = join(bench.root, "pipelines/p.yaml");
  writeFileSync(file, readFileSync(file, "utf8").replace("cat data/raw", "cat data/raw/a data/raw/sub/b"));
  bench.commit();

  const added = await bench.sluice("data", "add", "raw");
  const before = lstatSync(join(bench.root, "data/raw/sub/b")).ino;
  const run = await bench.sluice("run");
  const store = execFileSync("find", [join(bench.root, ".sluice/store/objects"), "-type", "f"], { encoding: "utf8" });

  expect(added.stdout).toContain("(2 files, 4 B)");
  expect(run.code, run.stderr).toBe(0);
  expect(out(bench)).toBe("a\nb\n");
  expect(lstatSync(join(bench.root, "data/raw/sub/b")).ino).toBe(before);
  // The output alone.
  expect(store.trim().split("\n")).toHaveLength(1);
});

describe("DVC pointers", () => {
  const md5 = (bytes: string): string => createHash("md5").update(bytes).digest("hex");

  test("to a file: right bytes run, others are named with the command that brings the right ones", async () => {
    const bench = project("{ dvc: data/raw.dvc }", {
      ".gitignore": "data/raw\n",
      "data/raw.dvc": `outs:\n- md5: ${md5("dvc\n")}\n  size: 4\n  hash: md5\n  path: raw\n`,
    });

    const absent = await bench.sluice("run");
    bench.write("data/raw", "dvc\n");
    const run = await bench.sluice("run");
    bench.write("data/raw", "other\n");
    const other = await bench.sluice("run");

    expect(absent.stderr).toContain("dvc pull data/raw.dvc");
    expect(run.code, run.stderr).toBe(0);
    expect(out(bench)).toBe("dvc\n");
    expect(other.code).toBe(1);
    expect(other.stderr).toContain("is not what `data/raw.dvc` points to");
    expect(other.stderr).toContain("dvc checkout data/raw.dvc");
  });

  test("to a directory, with a name that Python writes otherwise than JavaScript", async () => {
    // As `json.dumps` writes it: sorted by path, everything beyond ASCII escaped.
    const listing = `[{"md5": "${md5("1\n")}", "relpath": "a/one"}, {"md5": "${md5("2\n")}", "relpath": "z\\u00e9\\ud83d\\ude00"}]`;
    const bench = project("{ dvc: data/raw.dvc }", {
      ".gitignore": "data/raw\n",
      "data/raw.dvc": `outs:\n- md5: ${md5(listing)}.dir\n  size: 4\n  nfiles: 2\n  hash: md5\n  path: raw\n`,
    });
    mkdirSync(join(bench.root, "data/raw/a"), { recursive: true });
    bench.write("data/raw/a/one", "1\n");
    bench.write("data/raw/zé😀", "2\n");
    const file = join(bench.root, "pipelines/p.yaml");
    writeFileSync(file, readFileSync(file, "utf8").replace("cat data/raw", "cat data/raw/a/one"));
    bench.commit();

    const run = await bench.sluice("run");
    bench.write("data/raw/a/one", "3\n");
    const other = await bench.sluice("plan");

    expect(run.code, run.stderr).toBe(0);
    expect(out(bench)).toBe("1\n");
    expect(other.stderr).toContain("is not what `data/raw.dvc` points to");
  });

  test.each([
    ["outs: []\n", "exactly one entry"],
    ["outs:\n- md5: nonsense\n  path: raw\n", "no MD5 digest"],
    [`outs:\n- md5: ${"a".repeat(32)}\n  path: ../raw\n`, "not below it"],
    ["- [", "not YAML"],
  ])("%j is told as a pointer to correct", async (text, why) => {
    const bench = project("{ dvc: data/raw.dvc }", { "data/raw.dvc": text });

    const plan = await bench.sluice("plan");

    expect(plan.code).toBe(1);
    expect(plan.stderr).toContain(why);
  });
});
