import { basename, dirname, join } from "node:path";

import type { Environment } from "../pipeline/pipeline.ts";
import { explicitPackages } from "../pipeline/explicit-packages.ts";
import { findProgram } from "./find-python.ts";
import { given, type RecipeMaker } from "./recipe.ts";
import { readOnlyFor } from "./sandbox.ts";

const PROGRAMS = ["micromamba", "mamba", "conda"];

/** An environment from an explicit lock: each package by address and digest. */
export const condaRecipe: RecipeMaker<Extract<Environment, { kind: "conda" }>> = (environment, lock, here) => {
  const program = findProgram(PROGRAMS, here.path);
  if (program === undefined)
    return {
      kind: "refused",
      why: "its environment is built with `micromamba`, `mamba` or `conda`, and there is none on this worker's PATH",
      next: "install micromamba where the workers of this pool are, or use `{ venv: … }` or an image",
    };
  const file = environment.lock ?? "";
  const read = explicitPackages(lock);
  if ("line" in read)
    return {
      kind: "refused",
      why: `workers build no environment from \`${file}\`: line ${read.line} is no package by address and digest`,
      next: `\`conda list --explicit --sha256 > ${file}\` or \`conda-lock --kind explicit\` write a lock that says all`,
    };
  return {
    identity: {},
    // Its packages run scripts of their own: what one leaves behind must not reach the next build.
    cache: null,
    files: { "explicit.txt": ["@EXPLICIT", ...read.packages, ""].join("\n") },
    commands: ({ root, work }) => [
      [program, "create", "--yes", "--quiet", "--prefix", root, "--file", join(work, "explicit.txt"), copies(program)],
    ],
    env: ({ work, cache }) => ({
      ...given(here.variable, ["SSL_CERT_FILE", "CONDA_SSL_VERIFY", "REQUESTS_CA_BUNDLE"]),
      CONDA_PKGS_DIRS: cache,
      MAMBA_ROOT_PREFIX: join(work, "root"),
    }),
    readOnly: readOnlyFor(dirname(program)),
    prepared: (root) => ({
      path: [join(root, "bin")],
      env: { CONDA_PREFIX: root },
      readOnly: [root],
      nodeModules: null,
    }),
    next: `\`conda create --prefix build --file ${file}\` shows it on a machine of yours; then \`/sluice retry\``,
  };
};

/** A file that the packages share with an environment could be changed through either. */
function copies(program: string): string {
  return basename(program) === "conda" ? "--copy" : "--always-copy";
}
