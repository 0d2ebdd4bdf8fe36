import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdirSync, readFileSync, readdirSync, rmSync, utimesSync, writeFileSync } from "node:fs";
import { join } from "node:path";

import { expect, onTestFinished, test } from "vitest";

import { digestOf } from "../../src/identity/identity.ts";
import type { Users } from "../../src/store/collector.ts";
import { hasRedis, redisBackend } from "../contract/queue-backends.ts";
import { S3_VARIABLES, s3Server } from "../contract/s3-server.ts";
import { BIN } from "../sluice.ts";
import { digits, PLUS_TWO } from "./repositories.ts";
import { recorded, town } from "./town.ts";

const PIPELINE = `version: 1
name: sum
params: params.yaml
datasets:
  raw: { path: data/raw, uri: "s3://sluice-test/raw.txt", pin: datasets/raw.yaml }
steps:
  split:
    run: mkdir -p parts/deep && cp data/raw parts/deep/a && echo 1 > parts/b
    inputs: ["dataset:raw"]
    outputs: [parts]
  add:
    run: echo $(( $(cat parts/deep/a) + SLUICE_PARAM_PLUS )) > sum.txt
    inputs: [parts/deep/a]
    params: [plus]
    outputs: [sum.txt]
`;

/** A service and a worker that share a queue and a bucket, and no directory. */
async function place() {
  Object.assign(process.env, S3_VARIABLES);
  const server = await s3Server();
  onTestFinished(() => server.stop());
  const backend = await redisBackend();
  onTestFinished(() => backend.stop());
  const operator = `version: 1\ndataset_hosts: ["s3://${server.bucket}"]\nstore: { kind: s3, bucket: ${server.bucket}, prefix: prod, endpoint: "${server.endpoint}" }\n`;
  const here = await town({
    slots: 0,
    queue: { kind: "redis", url: backend.url },
    variables: { AWS_ENDPOINT_URL_S3: server.endpoint },
    operator,
  });
  const data = join(here.directory, "worker");
  const operatorFile = join(here.directory, "operator-of-workers.yaml");
  writeFileSync(operatorFile, operator);
  const env = {
    ...S3_VARIABLES,
    PATH: process.env["PATH"] ?? "",
    HOME: here.directory,
    SLUICE_DATA: data,
    SLUICE_QUEUE_URL: backend.url,
    SLUICE_CONFIG: operatorFile,
  };
  const worker = spawn(BIN, ["worker"], { env, stdio: ["ignore", "ignore", "pipe"] });
  let said = "";
  worker.stderr.on("data", (chunk: Buffer) => (said += chunk.toString()));
  onTestFinished(async () => {
    worker.kill("SIGTERM");
    await once(worker, "exit");
  });
  await here.until("the worker is there", () => said.includes("steps at once"));
  return { here, server, copies: [join(data, "store"), join(here.directory, "data", "store")], said: () => said };
}

function filesIn(directory: string): readonly string[] {
  return readdirSync(directory, { withFileTypes: true, recursive: true })
    .flatMap((entry) => (entry.isFile() ? [join(entry.parentPath, entry.name)] : []))
    .toSorted();
}

const there = hasRedis();
if (!there) process.stderr.write("skipped: a run on a bucket, because there is no redis-server here\n");
test.skipIf(!there)(
  "a service and a worker on another machine share a bucket and nothing else",
  { timeout: 180_000 },
  async () => {
    const { here, server, copies, said } = await place();
    writeFileSync(server.file("raw.txt"), "41\n");
    const pin = `version: 1\npath: data/raw\ndigest: ${digestOf("41\n")}\nsize: 3\nfiles: 1\n`;
    const files = { "pipelines/sum.yaml": PIPELINE, "datasets/raw.yaml": pin };
    const repository = await digits(here.twin.forge, files);
    await here.until("it is recorded", async () => (await recorded(repository)).length === 1);
    expect(await recorded(repository)).toEqual(["sum push succeeded"]);
    const results = (): number => readdirSync(join(server.file("prod/results/main/x"), "..")).length;
    const before = results();

    // Copies of bytes can go from every machine.
    for (const copy of copies)
      for (const kind of ["objects", "listings"]) for (const file of filesIn(join(copy, kind))) rmSync(file);
    await here.twin.forge.commit(repository, { branch: "main", ...PLUS_TWO });
    await here.until("the next one is, too", async () => (await recorded(repository)).length === 2);
    expect(await recorded(repository)).toEqual(["sum push succeeded", "sum push succeeded"]);
    // What did not change was not computed again: of an object the server keeps three files.
    expect(results()).toBe(before + 3);

    // Another object under the same name is refused, like one behind `https:`.
    writeFileSync(server.file("raw.txt"), "42\n");
    const other = pin.replace(/sha256:\w+/, digestOf("99\n"));
    await here.twin.forge.commit(repository, {
      branch: "main",
      files: { "datasets/raw.yaml": other },
      message: "Other data",
      login: "alice",
    });
    await here.until("it is refused", async () => (await recorded(repository)).length === 3);
    expect((await recorded(repository))[0]).toBe("sum push refused");

    // Housekeeping knows what the ledger holds, however old it is; of the rest nothing stays.
    const junk = server.file(`prod/objects/00/${"0".repeat(62)}`);
    mkdirSync(join(junk, ".."), { recursive: true });
    writeFileSync(junk, "left by somebody");
    const objects = filesIn(join(server.file("prod/objects/x"), ".."));
    for (const file of objects) utimesSync(file, new Date(), new Date(Date.now() - 30 * 86_400_000));
    const [done, users] = [server.file("prod/collected"), server.file("prod/users")];
    let asked = 0;
    const collect = (): Promise<void> =>
      here.service.queue.jobs.add("controller", [{ id: `collect-${++asked}`, payload: { kind: "collect" } }]);
    // The server writes it bit by bit, and whoever looks at the moment would write over what is written here.
    const quiet = async (): Promise<Users | undefined> => {
      const { waiting, active } = await here.service.queue.jobs.counts("controller");
      return waiting + active > 0 || !existsSync(users)
        ? undefined
        : (JSON.parse(readFileSync(users, "utf8")) as Users);
    };
    let kept: Users = { since: 0, seen: {} };
    await here.until("the first look is over", async () => {
      kept = (await quiet()) ?? kept;
      if (kept.seen[String(repository.id)] !== undefined) return true;
      await collect();
      return false;
    });
    // Nobody knows which repositories were there before.
    const since = Date.now() - 31 * 86_400_000;
    const gone = { at: Date.now() - 86_400_000, name: "acme/suspended" };
    writeFileSync(users, JSON.stringify({ since, seen: { ...kept.seen, "99": gone } }));
    await here.until("another look is over", async () => {
      const now = (await quiet())?.seen[String(repository.id)]?.at;
      if (now !== undefined && now !== kept.seen[String(repository.id)]?.at) return true;
      await collect();
      return false;
    });
    expect([existsSync(done), existsSync(junk)]).toEqual([false, true]);
    writeFileSync(users, JSON.stringify({ since, seen: kept.seen }));
    await here.until("it is done", async () => {
      await collect();
      return existsSync(done);
    });
    expect(filesIn(join(server.file("prod/objects/x"), "..")).filter((file) => file.endsWith("_object"))).toEqual(
      objects.filter((file) => file.endsWith("_object") && file !== junk),
    );
    expect(said()).not.toContain(S3_VARIABLES.AWS_SECRET_ACCESS_KEY);
  },
);
