import { readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";

import { afterAll, beforeAll, expect, test } from "vitest";

import { keptModules } from "../../src/executor/kept-modules.ts";
import { lockedModules } from "../../src/executor/locked-modules.ts";
import { digestOf } from "../../src/identity/identity.ts";
import type { Environment } from "../../src/pipeline/pipeline.ts";
import { place, published, worker } from "./environment-worker.ts";
import { packageRegistry, type LockEntry, type PackageRegistry } from "./package-registry.ts";

const NODE: Environment = { kind: "node", lock: "package-lock.json" };

let registry: PackageRegistry;
let hello: LockEntry & { readonly bin: Readonly<Record<string, string>> };
beforeAll(async () => {
  registry = await packageRegistry();
  const project = {
    name: "hello",
    version: "1.2.3",
    bin: { hi: "cli.js" },
    scripts: { postinstall: "exit 7" },
  };
  const entry = registry.publish("hello", "1.2.3", {
    "package.json": JSON.stringify(project),
    "index.js": "exports.say = () => `good day, ${require('other').name}`;",
    "cli.js": "#!/bin/sh\necho hi\n",
    "node_modules/other/package.json": JSON.stringify({
      name: "other",
      version: "4.0.0",
      main: "main.js",
    }),
    "node_modules/other/main.js": "exports.name = 'bundled';",
  });
  hello = { ...entry, bin: { hi: "cli.js" } };
});
afterAll(() => registry[Symbol.asyncDispose]());

function lock(packages: Readonly<Record<string, object>>): string {
  return JSON.stringify({
    name: "tuner",
    lockfileVersion: 3,
    packages: { "": { name: "tuner" }, ...packages },
  });
}

/** npm asks again after ten seconds where nothing else is said. */
function variables(): Readonly<Record<string, string>> {
  return {
    NPM_CONFIG_REGISTRY: registry.url,
    npm_config_fetch_retries: "0",
    SECRET: "correct-horse",
  };
}

const SAY = `node -e "console.log(require('hello').say())" && hi`;

test("node_modules is built from the lock once, without scripts, and seen by every step that names it", async () => {
  const directory = place();
  const other = registry.publish("other", "1.0.0", {
    "package.json": JSON.stringify({ name: "other", version: "1.0.0" }),
    "index.js": "exports.name = 'nested';",
  });
  const absent = {
    ...other,
    integrity: `sha512-${"A".repeat(86)}==`,
    optional: true,
    os: ["plan9"],
  };
  const text = lock({
    "node_modules/hello": {
      ...hello,
      hasInstallScript: true,
      peerDependencies: { other: "^9" },
    },
    "node_modules/hello/node_modules/other": {
      version: "4.0.0",
      inBundle: true,
    },
    "node_modules/alias": { name: "other", ...other },
    "node_modules/absent": absent,
    "node_modules/absent/node_modules/deep": absent,
  });
  const [one, two] = [worker(directory, variables()), worker(directory, variables())];

  const ran = await Promise.all([one, one, two].map(({ run }) => run(text, SAY, { environment: NODE })));

  expect(ran).toEqual(ran.map(() => ({ failure: null, log: "good day, bundled\nhi\n" })));
  expect(published(directory)).toHaveLength(1);
  expect(readdirSync(join(directory, "environments", "building"))).toEqual([]);
  const root = join(directory, "environments", published(directory)[0] ?? "");
  expect(readdirSync(join(root, "node_modules")).filter((name) => !name.startsWith("."))).toEqual(["alias", "hello"]);
  const asked = registry.asked.length;
  expect(registry.asked.every((path) => path.endsWith(".tgz"))).toBe(true);
  const later = await one.run(text, `${SAY}; touch node_modules/mine 2>/dev/null && echo written`, {
    environment: NODE,
    tools: { hi: "1.2" },
  });
  expect([later.log, registry.asked.length]).toEqual(["good day, bundled\nhi\n", asked]);
  expect((await one.run(text, "true", { environment: NODE, tools: { hi: "2" } })).failure).toMatchObject({
    kind: "environment",
    found: "1.2.3",
  });
});

test("a tarball that is not the lock's refuses the step in npm's words, which tell no token", async () => {
  const directory = place();
  const settings = join(directory, "npmrc");
  writeFileSync(settings, `${registry.url.replace("http:", "")}:_authToken=battery-staple\n`);
  const { run } = worker(directory, {
    ...variables(),
    NPM_CONFIG_USERCONFIG: settings,
    npm_config_loglevel: "silly",
  });
  const changed = {
    ...hello,
    integrity: hello.integrity.replace(/-...../, "-AAAAA"),
  };

  const refused = await run(lock({ "node_modules/hello": changed }), "true", {
    environment: NODE,
  });

  expect(refused.failure).toMatchObject({
    kind: "refused",
    why: expect.stringMatching(
      /^its environment could not be built from `package-lock\.json`: npm error sha512-AAAAA\S+ integrity checksum failed/,
    ) as string,
    next: "`npm ci --ignore-scripts` shows it on a machine of yours; then `/sluice retry`",
  });
  expect(refused.log).toContain("EINTEGRITY");
  expect(registry.tokens).toContain("Bearer battery-staple");
  expect(refused.log + JSON.stringify(refused.failure)).not.toContain("battery-staple");
  expect(published(directory)).toEqual([]);
});

test("a lock of no packages is an empty environment, and a worker without npm says so", async () => {
  const directory = place();

  const ran = await worker(directory).run(lock({}), "ls node_modules/ && echo none", { environment: NODE });

  expect(ran).toEqual({ failure: null, log: "none\n" });
  const bare = await worker(place(), {}, "/nowhere").run(lock({}), "true", {
    environment: NODE,
  });
  expect(bare.failure).toMatchObject({
    kind: "refused",
    why: expect.stringContaining("no `npm` on this") as string,
  });
});

const HERE = { os: "linux", cpu: "x64", libc: "glibc" };

test.each([
  ['{"dependencies":{}}', "it is not in the form in which npm writes it since version 7: JSON with `packages`"],
  ["no lock", "it is not in the form in which npm writes it since version 7: JSON with `packages`"],
  [{ "packages/mine": { version: "1.0.0" } }, "`packages/mine` comes from git, a directory or a file, which the key"],
  [
    { "node_modules/mine": { resolved: "packages/mine", link: true } },
    "`node_modules/mine` comes from git, a directory",
  ],
  [{ resolved: "git+ssh://git@github.com/a/b.git#0" }, "comes from git, a directory or a file, which the key"],
  [{ resolved: "file:mine-1.0.0.tgz" }, "comes from git, a directory or a file, which the key does not hold"],
  [{ integrity: undefined }, "`node_modules/hello` has no integrity by SHA-256 or better"],
  [{ integrity: "sha1-AAAAAAAAAAAAAAAAAAAAAAAAAAA=" }, "has no integrity by SHA-256 or better"],
  [{ version: undefined }, "`node_modules/hello` is not in the form in which npm writes it"],
  [{ version: "latest" }, "`node_modules/hello` is not in the form in which npm writes it"],
  [{ bin: { hi: "../../other/cli.js" } }, "is not in the form in which npm writes it"],
  [{ bin: { "../hi": "cli.js" } }, "is not in the form in which npm writes it"],
  [{ bin: { "..": "cli.js" } }, "is not in the form in which npm writes it"],
  [{ dependencies: { other: "^1" } }, "`node_modules/hello` needs `other`, which it does not hold"],
  [{ "": { devDependencies: { other: "^1" } }, "a/b": undefined }, "the project needs `other`, which it does not hold"],
  [{ "node_modules/..": { version: "1.0.0" } }, "`node_modules/..` is not in the form in which npm writes it"],
  [{ "node_modules/.bin": { version: "1.0.0" } }, "is not in the form in which npm writes it"],
])("a lock that does not pin its packages to the byte is refused: %j", (text, why) => {
  const entry = { version: "1.0.0", integrity: `sha512-${"A".repeat(86)}==` };
  const places = typeof text === "string" || Object.keys(text).some((name) => name.includes("/"));
  const packages = places ? text : { "node_modules/hello": { ...entry, ...text } };

  const read = lockedModules(
    typeof packages === "string" ? packages : lock({ ...packages } as Readonly<Record<string, object>>),
    HERE,
  );

  expect(read).toMatchObject({
    kind: "bad",
    why: expect.stringContaining(why) as string,
  });
});

test("what may be left out is where it is for another machine, with all that lies below it or leans on it", () => {
  const entry = { version: "1.0.0", integrity: `sha512-${"A".repeat(86)}==` };
  const optional = { ...entry, optional: true };
  const text = lock({
    "node_modules/any": { ...optional, os: "any" },
    "node_modules/bound": {
      ...optional,
      os: ["linux", "darwin"],
      cpu: ["!arm64"],
      libc: ["glibc"],
    },
    "node_modules/no-os": { ...optional, os: ["!linux"] },
    "node_modules/no-cpu": { ...optional, cpu: ["arm64"] },
    "node_modules/no-cpu/node_modules/below": optional,
    "node_modules/no-libc": { ...optional, libc: ["musl"] },
    "node_modules/leans": { ...optional, dependencies: { further: "1" } },
    "node_modules/further": { ...optional, dependencies: { "no-os": "1" } },
    "node_modules/goes-on": {
      ...entry,
      optionalDependencies: { "no-os": "1", nowhere: "1" },
    },
    "node_modules/for-development": {
      ...entry,
      devOptional: true,
      os: ["plan9"],
    },
    "node_modules/needed": { ...entry, os: ["plan9"] },
  });

  const read = lockedModules(text, HERE);

  const names = ["any", "bound", "goes-on", "needed"];
  expect(read).toMatchObject({ kind: "ok", count: names.length });
  expect(JSON.parse(read.kind === "ok" ? read.project : "{}")).toMatchObject({
    dependencies: Object.fromEntries(names.map((name) => [name, "1.0.0"])),
  });
  expect(read).toMatchObject({
    lock: expect.stringContaining('"os":["plan9"]') as string,
  });
});

test("a package below one that no lock names reaches no place", () => {
  const entry = { version: "1.0.0", integrity: `sha512-${"A".repeat(86)}==` };

  const read = lockedModules(lock({ "node_modules/../../cache/node_modules/hello": entry }), HERE);

  expect(read).toMatchObject({ kind: "ok", count: 0 });
});

test("a lock in which each package leans on the next is read at once, and one that is too large is refused", () => {
  const entry = {
    version: "1.0.0",
    integrity: `sha512-${"A".repeat(86)}==`,
    optional: true,
  };
  const chain = (count: number): string =>
    lock(
      Object.fromEntries(
        Array.from({ length: count }, (_, at) => [
          `node_modules/p${at}`,
          at === count - 1 ? { ...entry, os: "plan9" } : { ...entry, dependencies: { [`p${at + 1}`]: "1" } },
        ]),
      ),
    );
  const began = performance.now();

  expect(lockedModules(chain(10_000), HERE)).toMatchObject({
    kind: "ok",
    count: 0,
  });

  // Gone over anew for each that goes it took minutes.
  expect(performance.now() - began).toBeLessThan(10_000);
  const next = expect.stringContaining("`environment: { node: DIRECTORY/package-lock.json }`") as string;
  expect(lockedModules(chain(20_001), HERE)).toEqual({
    kind: "bad",
    why: "it holds 20001 packages, and workers read no lock of more than 20000",
    next,
  });
  expect(lockedModules(" ".repeat(8_388_609), HERE)).toEqual({
    kind: "bad",
    why: "it has 8388609 characters, and workers read no lock of more than 8388608",
    next,
  });
  const deep = lock({
    [`${"node_modules/a/".repeat(70)}node_modules/b`]: entry,
  });
  expect(lockedModules(deep, HERE)).toMatchObject({
    kind: "bad",
    why: expect.stringContaining("deeper") as string,
    next,
  });
});

test("locks that alternate are read once each, and of many the last few are kept", () => {
  const { read } = keptModules();
  const texts = ["a", "b", "c", "d", "e"].map((name) => ({
    text: lock({}),
    digest: digestOf(name),
  }));
  const all = texts.slice(0, 4).map(({ digest, text }) => read(digest, text));

  expect(texts.slice(0, 4).every(({ digest, text }, at) => read(digest, text) === all[at])).toBe(true);
  for (const { digest, text } of texts.slice(1)) read(digest, text);
  expect(texts.slice(1, 4).every(({ digest, text }, at) => read(digest, text) === all[at + 1])).toBe(true);
  expect(texts.slice(0, 1).every(({ digest, text }) => read(digest, text) === all[0])).toBe(false);
});
