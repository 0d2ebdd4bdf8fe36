import { dirname, join } from "node:path";

import type { Environment } from "../pipeline/pipeline.ts";
import type { Failure } from "../run/run-record.ts";
import { findProgram, findPython } from "./find-python.ts";
import { installedVersion } from "./venv-packages.ts";
import { unlockedWheels } from "./locked-wheels.ts";
import { given, type RecipeMaker } from "./recipe.ts";
import { readOnlyFor } from "./sandbox.ts";

/** The worker's own word on where packages come from. */
const INDEXES = ["UV_DEFAULT_INDEX", "UV_INDEX", "UV_INDEX_URL", "UV_EXTRA_INDEX_URL", "UV_FIND_LINKS", "UV_OFFLINE"];
const OTHER = ["UV_HTTP_TIMEOUT", "UV_NATIVE_TLS", "SSL_CERT_FILE", "UV_INSECURE_HOST"];

/** An environment from `uv.lock`, by `uv sync --frozen`: without the project itself, whose code is the step's input. */
export const uvRecipe: RecipeMaker<Extract<Environment, { kind: "uv" }>> = async (environment, lock, here) => {
  const { path, variable } = here;
  const uv = findProgram(["uv"], path);
  if (uv === undefined) return NO_UV;
  const unlocked = unlockedWheels(lock);
  if (unlocked !== undefined)
    return {
      kind: "refused",
      why: `workers build no environment from \`${environment.lock}\`: it ${unlocked}`,
      next: "take packages as wheels from an index that tells their hashes, `uv lock`, and commit what it writes",
    };
  const project = projectOf(lock, environment.lock);
  if ("kind" in project) return project;
  const python = await findPython(path, here.python);
  if ("kind" in python) return python;
  return {
    identity: { python: python.version, program: python.program },
    cache: "uv",
    files: { "uv.lock": lock, "pyproject.toml": project.toml },
    commands({ work }) {
      const sync = [uv, "sync", "--frozen", "--no-dev", "--no-install-project", "--no-install-workspace", "--no-build"];
      return [[...sync, "--no-config", "--no-progress", "--python", python.program, "--project", work]];
    },
    env: ({ root, cache }) => ({
      ...given(variable, [...INDEXES, ...OTHER]),
      UV_PROJECT_ENVIRONMENT: root,
      UV_CACHE_DIR: cache,
      // A file that the cache shares with an environment could be changed through either.
      UV_LINK_MODE: "copy",
      UV_PYTHON_DOWNLOADS: "never",
    }),
    readOnly: readOnlyFor([dirname(uv), dirname(python.program)].join(":")),
    prepared: (root) => ({
      path: [join(root, "bin")],
      env: { VIRTUAL_ENV: root },
      readOnly: [root],
      nodeModules: null,
      versionOf: (tool) => installedVersion(root, tool),
    }),
    next: "`uv sync --frozen --no-dev --no-build` shows it on a machine of yours; then `/sluice retry`",
  };
};

const NO_UV: Failure = {
  kind: "refused",
  why: "its environment is built with `uv`, and there is none on this worker's PATH",
  next: "install uv where the workers of this pool are, or use `{ venv: .venv, lock: requirements.txt }` (`uv export --no-dev -o requirements.txt`)",
};

/**
 * The project file that belongs to a lock, made from the lock alone: uv reads name and Python from it, and with `--frozen`
 * everything else from the lock. So the lock's digest says what is there.
 */
function projectOf(lock: string, path: string): { readonly toml: string } | Failure {
  const [head = "", ...packages] = lock.split(/^\[\[package\]\]\s*$/m);
  const root = packages.find((one) => /^source = \{ (?:virtual|editable) = "\." \}\s*$/m.test(one));
  const name = root === undefined ? undefined : /^name = "([A-Za-z0-9._-]+)"\s*$/m.exec(root)?.[1];
  const python = /^requires-python = "([^"\\\n]+)"\s*$/m.exec(head)?.[1];
  if (root === undefined || name === undefined || python === undefined)
    return {
      kind: "refused",
      why: `\`${path}\` is no lock of one project: it names no package at \`.\``,
      next: "`uv lock`, and commit what it writes",
    };
  const version = /^version = "([A-Za-z0-9.+!_-]+)"\s*$/m.exec(root)?.[1] ?? "0";
  return { toml: `[project]\nname = "${name}"\nversion = "${version}"\nrequires-python = "${python}"\n` };
}
