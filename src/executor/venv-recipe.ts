import { existsSync } from "node:fs";
import { dirname, join } from "node:path";

import type { Environment } from "../pipeline/pipeline.ts";
import { findPython } from "./find-python.ts";
import { installedVersion } from "./venv-packages.ts";
import { lockedRequirements } from "../pipeline/locked-requirements.ts";
import { given, type RecipeMaker } from "./recipe.ts";
import { readOnlyFor } from "./sandbox.ts";

/** The worker's own word on where packages come from; it goes before the lock's. */
const INDEXES = ["PIP_INDEX_URL", "PIP_EXTRA_INDEX_URL", "PIP_FIND_LINKS", "PIP_NO_INDEX"];
const OTHER = ["PIP_TRUSTED_HOST", "PIP_CERT", "PIP_DEFAULT_TIMEOUT", "PIP_RETRIES"];

/** A virtual environment from a requirements file with hashes, by `venv` and `pip`. */
export const venvRecipe: RecipeMaker<Extract<Environment, { kind: "venv" }>> = async (
  environment,
  lock,
  { python, path, variable },
) => {
  const file = environment.lock ?? "";
  const locked = lockedRequirements(lock);
  if (locked.kind === "bad")
    return {
      kind: "refused",
      why: `workers build no environment from \`${file}\`: line ${locked.line}: ${locked.why}`,
      next: `\`pip-compile --generate-hashes\` or \`uv pip compile --generate-hashes\` write a lock that says all; commit it as \`${file}\``,
    };
  const found = await findPython(path, python);
  if ("kind" in found) return found;
  const own = given(variable, INDEXES);
  const lines = [...(Object.keys(own).length > 0 ? [] : locked.indexes), ...locked.packages];
  return {
    identity: { python: found.version, program: found.program },
    cache: "pip",
    files: { "requirements.txt": lines.map((line) => `${line}\n`).join("") },
    commands({ root, work }) {
      const inside = join(root, "bin", "python");
      const make = [found.program, "-I", "-m", "venv", ...(found.installs ? ["--without-pip"] : []), root];
      const pip = found.installs ? [found.program, "-I", "-m", "pip", "--python", inside] : [inside, "-I", "-m", "pip"];
      const wheels = ["--require-hashes", "--only-binary", ":all:", "--requirement", join(work, "requirements.txt")];
      const install = [...pip, "install", "--disable-pip-version-check", "--no-input", ...wheels];
      return locked.packages.length === 0 ? [make] : [make, install];
    },
    env: ({ cache }) => ({ ...own, ...given(variable, OTHER), PIP_CACHE_DIR: cache }),
    readOnly: [...readOnlyFor(dirname(found.program)), ...["/etc/pip.conf"].filter((one) => existsSync(one))],
    prepared: (root) => ({
      path: [join(root, "bin")],
      env: { VIRTUAL_ENV: root },
      readOnly: [root],
      nodeModules: null,
      versionOf: (tool) => installedVersion(root, tool),
    }),
    next: `\`python3 -m venv build && build/bin/pip install --require-hashes -r ${file}\` shows it on a machine of yours; then \`/sluice retry\``,
  };
};
