import { existsSync, readFileSync } from "node:fs";
import { homedir } from "node:os";
import { basename, join } from "node:path";

/** Where conda keeps an environment of this name: conda, mamba and micromamba list what they make in one file. */
export function findConda(name: string): string | undefined {
  const list = join(homedir(), ".conda", "environments.txt");
  const listed = existsSync(list) ? readFileSync(list, "utf8").split("\n") : [];
  const usual = ["micromamba", "miniforge3", "mambaforge", "miniconda3", "anaconda3"].map((root) =>
    join(homedir(), root, "envs", name),
  );
  return [...listed.map((line) => line.trim()).filter((path) => path !== "" && basename(path) === name), ...usual].find(
    (path) => existsSync(join(path, "conda-meta")),
  );
}
