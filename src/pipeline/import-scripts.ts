import { renderPipeline, type Imported } from "./import-dvc.ts";

const ORDER = [
  "download",
  "fetch",
  "prepare",
  "preprocess",
  "clean",
  "featurize",
  "features",
  "train",
  "fit",
  "evaluate",
  "test",
  "report",
  "plot",
];
const RUNNERS: Readonly<Record<string, string>> = {
  py: "python3",
  mjs: "node",
  js: "node",
  cjs: "node",
  sh: "sh",
  R: "Rscript",
};

/** A first pipeline from scripts whose names say what they do; undefined where none does. */
export function importScripts(paths: readonly string[]): Imported | undefined {
  const scripts = paths.flatMap((path) => {
    const match = /^(?:src\/|scripts\/)?([A-Za-z_]+)\.(\w+)$/.exec(path);
    const runner = match?.[2] === undefined ? undefined : RUNNERS[match[2]];
    const at = ORDER.indexOf(match?.[1] ?? "");
    return runner === undefined || at < 0 ? [] : [{ path, runner, name: match?.[1] ?? "", at }];
  });
  if (scripts.length === 0) return undefined;
  const sorted = named(scripts.sort((a, b) => a.at - b.at || (a.path < b.path ? -1 : 1)));
  const steps = Object.fromEntries(
    sorted.map(({ path, runner, name }, at) => [
      name,
      {
        run: `${runner} ${path}`,
        inputs: [path],
        ...(at === 0 ? {} : { needs: [sorted[at - 1]?.name] }),
        cache: false,
      },
    ]),
  );
  const notCarried = sorted.map(({ path }) => ({
    what: `what \`${path}\` reads and writes`,
    why: "declare it under `inputs:` and `outputs:`, then remove `cache: false` and `needs:`",
    line: 1,
  }));
  return { pipeline: renderPipeline({ version: 1, steps }), notCarried };
}

/** Of two scripts that say the same of themselves the later one is told by its ending. */
function named<Script extends { readonly path: string; readonly name: string }>(
  scripts: readonly Script[],
): readonly Script[] {
  return scripts.map((script, at) =>
    scripts.findIndex(({ name }) => name === script.name) === at
      ? script
      : { ...script, name: script.path.replaceAll(/[^A-Za-z0-9_-]/g, "-") },
  );
}

const SAMPLE = {
  version: 1,
  params: { greeting: "hello" },
  steps: {
    hello: { run: "echo ${{ params.greeting }} > build/hello.txt", params: ["greeting"], outputs: ["build/hello.txt"] },
    count: {
      run: "wc -c < build/hello.txt > build/count.txt",
      inputs: ["build/hello.txt"],
      outputs: ["build/count.txt"],
    },
  },
};

/** A pipeline that shows the form. */
export function samplePipeline(): Imported {
  return { pipeline: renderPipeline(SAMPLE), notCarried: [] };
}
