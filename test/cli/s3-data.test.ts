import { execFile } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";

import { afterAll, beforeAll, expect, test } from "vitest";

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

function sluice(bench: Bench, ...args: string[]): Promise<{ readonly code: number; readonly said: string }> {
  const env = { ...ENV, ...S3_VARIABLES, AWS_ENDPOINT_URL_S3: server.endpoint };
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
