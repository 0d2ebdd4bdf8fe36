import { execFile } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";

import { afterAll, beforeAll, expect, test } from "vitest";

import { digestOf } from "../../src/identity/identity.ts";
import { objectName } from "../../src/store/s3-bytes.ts";
import { S3_VARIABLES, s3Server, type S3Server } from "../contract/s3-server.ts";
import { BIN, ENV, repository, type Bench } from "../sluice.ts";

let server: S3Server;
beforeAll(async () => {
  server = await s3Server();
  put("raw.txt", "raw bytes\n");
  put("images/a", "a\n");
  put("images/deep/b", "b\n");
  put("odd/..", "x\n");
});
afterAll(() => server.stop());

/** Files of the server's directory are objects of its bucket. */
function put(key: string, text: string): void {
  mkdirSync(dirname(server.file(key)), { recursive: true });
  writeFileSync(server.file(key), text);
  rmSync(`${server.file(key)}.md5`, { force: true });
}

function project(key: string, run = "cat data/raw > out"): Bench {
  const step = `{ run: ${run}, inputs: ["dataset:raw"], outputs: [out] }`;
  const bench = repository({
    "sluice.yaml": "version: 1\nsandbox: off\n",
    ".gitignore": "data/raw*\n",
    "pipelines/p.yaml": `version: 1\ndatasets:\n  raw: { path: data/raw, uri: "s3://${server.bucket}/${key}" }\nsteps:\n  read: ${step}\n`,
  });
  bench.commit();
  return bench;
}

interface Said {
  readonly code: number;
  readonly said: string;
}

const sluice = (bench: Bench, ...args: string[]): Promise<Said> => sluiceWith({}, bench, ...args);

function sluiceWith(variables: Readonly<Record<string, string>>, bench: Bench, ...args: string[]): Promise<Said> {
  const env = { ...ENV, ...S3_VARIABLES, AWS_ENDPOINT_URL_S3: server.endpoint, ...variables };
  return new Promise((resolve) => {
    execFile(BIN, args, { cwd: bench.root, env }, (error, stdout, stderr) =>
      resolve({ code: error === null ? 0 : Number(error.code), said: `${stdout}${stderr}` }),
    );
  });
}

test("an object is fetched, pinned by its digest, and refused once it is another one", async () => {
  const bench = project("raw.txt");
  expect((await sluice(bench, "data", "add", "raw")).said).toContain("(1 file, 10 B)");
  bench.commit();
  rmSync(join(bench.root, "data/raw"));
  const ran = await sluice(bench, "run");
  expect(ran.code, ran.said).toBe(0);
  expect(readFileSync(join(bench.root, "out"), "utf8")).toBe("raw bytes\n");

  put("raw.txt", "other bytes\n");
  rmSync(join(bench.root, "data/raw"));
  const other = await sluice(bench, "run", "--force", "read");
  expect(other.code).toBe(1);
  expect(other.said).toContain("gives other bytes than the pin says");
  expect(existsSync(join(bench.root, "data/raw"))).toBe(false);
});

test("everything below a prefix is a directory", async () => {
  const bench = project("images/", "cat data/raw/a data/raw/deep/b > out");
  expect((await sluice(bench, "data", "add", "raw")).said).toContain("(2 files, 4 B)");
  bench.commit();
  const before = readFileSync(join(bench.root, "datasets/raw.yaml"), "utf8");
  rmSync(join(bench.root, "data/raw"), { recursive: true });
  const ran = await sluice(bench, "run");
  expect(ran.code, ran.said).toBe(0);
  expect(readFileSync(join(bench.root, "out"), "utf8")).toBe("a\nb\n");
  await sluice(bench, "data", "update", "raw");
  expect(readFileSync(join(bench.root, "datasets/raw.yaml"), "utf8")).toBe(before);
});

test("what is not there, or no path of a file, is told with what to do", async () => {
  const adding = async (key: string): Promise<string> => {
    const { code, said } = await sluice(project(key), "data", "add", "raw");
    expect(code).toBe(1);
    return said;
  };
  expect(await adding("none.txt")).toContain(`there is nothing at s3://${server.bucket}/none.txt`);
  expect(await adding("none/")).toContain(`there is nothing at s3://${server.bucket}/none/`);
  expect(await adding("odd/")).toContain("is no path of a file");
});

test("a run on a laptop keeps its bytes in the bucket that SLUICE_STORE_URL names", async () => {
  const bench = project("raw.txt");
  bench.write("pipelines/p.yaml", "version: 1\nsteps:\n  make: { run: echo made > out, outputs: [out] }\n");
  bench.commit();
  const SLUICE_STORE_URL = `s3://${server.bucket}/laptop?endpoint=${server.endpoint}`;
  const ran = await sluiceWith({ SLUICE_STORE_URL }, bench, "run");
  expect(ran.code, ran.said).toBe(0);
  expect(existsSync(server.file(`laptop/${objectName(digestOf("made\n"))}`))).toBe(true);

  rmSync(join(bench.root, ".sluice/store"), { recursive: true, force: true });
  rmSync(join(bench.root, "out"));
  const again = await sluiceWith({ SLUICE_STORE_URL }, bench, "run");
  expect(again.code, again.said).toBe(0);
  expect(readFileSync(join(bench.root, "out"), "utf8")).toBe("made\n");
  expect(again.said).not.toContain("\u25b6 make");

  const bad = await sluiceWith({ SLUICE_STORE_URL: "s3://key:word@bucket/" }, bench, "run", "--force", "make");
  expect(bad.code).toBe(64);
  expect(bad.said).toContain("it holds credentials");
  expect(bad.said).not.toContain("word@");
});
