import { existsSync } from "node:fs";
import { dirname, join } from "node:path";

import type { Environment } from "../pipeline/pipeline.ts";
import { findProgram } from "./find-python.ts";
import { moduleVersion } from "./node-packages.ts";
import { given, type RecipeMaker } from "./recipe.ts";
import { readOnlyFor } from "./sandbox.ts";

/** The worker's own word on where packages come from; npm asks this registry in place of npmjs.org. */
const REGISTRY = ["NPM_CONFIG_REGISTRY", "NPM_CONFIG_USERCONFIG", "NPM_CONFIG_REPLACE_REGISTRY_HOST"];
const OTHER = ["NPM_CONFIG_CAFILE", "NPM_CONFIG_FETCH_TIMEOUT", "NPM_CONFIG_FETCH_RETRIES", "NODE_EXTRA_CA_CERTS"];
/** Of these variables a build has to see the file. */
const FILES = ["NPM_CONFIG_USERCONFIG", "NPM_CONFIG_CAFILE", "NODE_EXTRA_CA_CERTS"];

/** Begins a program where its files have to lie: with `--prefix` npm would look for its global settings there. */
const THERE = 'cp package.json package-lock.json "$0" && cd "$0" && exec "$@"';

/** `node_modules` from `package-lock.json`, by `npm ci`: tarballs by their hashes, and no script of any package. */
export const nodeRecipe: RecipeMaker<Extract<Environment, { kind: "node" }>> = (environment, lock, here) => {
  const npm = findProgram(["npm"], here.path);
  const node = findProgram(["node"], here.path);
  if (npm === undefined || node === undefined)
    return {
      kind: "refused",
      why: `its environment is built with \`npm\`, and there is no \`${npm === undefined ? "npm" : "node"}\` on this worker's PATH`,
      next: "install Node.js with npm where the workers of this pool are, or use an image that has the packages",
    };
  const locked = here.modules.read(here.digest, lock);
  if (locked.kind === "bad")
    return {
      kind: "refused",
      why: `workers build no environment from \`${environment.lock}\`: ${locked.why}`,
      next: locked.next,
    };
  const variables = given(here.variable, [...REGISTRY, ...OTHER].flatMap(spellings));
  const files = [...FILES.flatMap(spellings).flatMap((name) => variables[name] ?? []), "/etc/npmrc"];
  return {
    identity: { libc: here.modules.machine().libc },
    cache: "npm",
    files: { "package.json": locked.project, "package-lock.json": locked.lock },
    commands({ root, cache }) {
      const quiet = ["--no-audit", "--no-fund", "--no-update-notifier", "--logs-max=0"];
      const install = [npm, "ci", "--ignore-scripts", "--cache", cache, ...quiet];
      return [locked.count === 0 ? ["mkdir", join(root, "node_modules")] : ["sh", "-c", THERE, root, ...install]];
    },
    env: () => variables,
    readOnly: [
      ...readOnlyFor([dirname(npm), dirname(node)].join(":")),
      ...files.filter((file) => file.startsWith("/") && existsSync(file)),
    ],
    prepared(root) {
      const modules = join(root, "node_modules");
      return {
        path: [join(modules, ".bin")],
        env: {},
        readOnly: [modules],
        nodeModules: modules,
        versionOf: (tool) => moduleVersion(modules, tool),
      };
    },
    next: "`npm ci --ignore-scripts` shows it on a machine of yours; then `/sluice retry`",
  };
};

/** npm reads either. */
function spellings(name: string): readonly string[] {
  return name.startsWith("NPM_") ? [name, name.toLowerCase()] : [name];
}
