import { LineCounter, parseDocument, stringify, type Node } from "yaml";

import { lookUp } from "../expression/template.ts";
import type { JsonObject } from "../identity/canonical-json.ts";
import {
  entriesOf,
  folderOf,
  isMap,
  list,
  literal,
  lose,
  optionsOf,
  type Importing,
  type NotCarried,
  type Raw,
} from "./dvc-entries.ts";
import { dvcScript, refuseScript } from "./dvc-command.ts";
import { cleanPath, refusePath } from "./path-problem.ts";

/** A pipeline written from somebody else's definition. */
export interface Imported {
  /** The text of the pipeline file. */
  readonly pipeline: string;
  readonly notCarried: readonly NotCarried[];
}

/** Converts a `dvc.yaml`; what cannot be carried over is named with its line. */
export function importDvc(
  text: string,
  files: { readonly has: (path: string) => boolean; readonly params: JsonObject },
): Imported {
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines });
  const root = rootOf(document);
  const importing: Importing = {
    has: files.has,
    params: files.params,
    values: { ...files.params, ...varsOf(root["vars"]) },
    notCarried: [],
    datasets: new Map(),
    paramFiles: new Set(),
    line(...path) {
      for (let length = path.length; length > 0; length--) {
        const node = document.getIn(path.slice(0, length), true) as Node | undefined;
        if (node?.range !== undefined && node.range !== null) return lines.linePos(node.range[0]).line;
      }
      return 1;
    },
  };
  const stages = isMap(root["stages"]) ? root["stages"] : {};
  const steps: Record<string, unknown> = {};
  for (const [name, stage] of Object.entries(stages)) {
    const step = stepOf(importing, name, isMap(stage) ? stage : {});
    if (step !== undefined) steps[stepName(name, steps)] = step;
  }
  for (const key of ["plots", "metrics", "params", "artifacts", "datasets"]) {
    if (root[key] !== undefined) lose(importing, `top-level \`${key}\``, "it belongs to the step that writes it", key);
  }
  if (Object.keys(steps).length === 0) {
    lose(importing, "the file", "it has no stage that can be carried over: replace the step `first`");
    steps["first"] = { run: "false # write a command here" };
  }
  return { pipeline: render(importing, steps), notCarried: importing.notCarried };
}

/** The file's map; empty when it is no map, or its aliases explode. */
function rootOf(document: ReturnType<typeof parseDocument>): Raw {
  try {
    const value: unknown = document.toJS();
    return isMap(value) ? value : {};
  } catch {
    return {};
  }
}

/** A name that no other step has and that is not reserved. */
function stepName(stage: string, taken: Readonly<Record<string, unknown>>): string {
  const plain = stage.replaceAll(/[^A-Za-z0-9_-]/g, "-").replace(/^[^A-Za-z0-9]+/, "") || "step";
  const stem = plain === "dataset" || plain === "release" ? `${plain}-step` : plain;
  let name = stem;
  for (let next = 2; Object.hasOwn(taken, name); next++) name = `${stem}-${next}`;
  return name;
}

function varsOf(vars: unknown): JsonObject {
  if (!Array.isArray(vars)) return {};
  return Object.assign({}, ...vars.filter(isMap)) as JsonObject;
}

function stepOf(importing: Importing, name: string, stage: Raw): Record<string, unknown> | undefined {
  for (const kind of ["foreach", "matrix"]) {
    if (stage[kind] === undefined) continue;
    lose(
      importing,
      `stage \`${name}\``,
      `\`${kind}\` is not in this version: write one step for each value`,
      "stages",
      name,
      kind,
    );
    return undefined;
  }
  const step: Record<string, unknown> = {};
  if (typeof stage["desc"] === "string") step["description"] = plainText(stage["desc"]);
  const folder = folderOf(importing, name, stage["wdir"]);
  const names = new Set<string>();
  step["run"] = commandOf(importing, name, stage["cmd"], { folder, names });
  const pathsOf = (key: string): ReadonlyMap<string, unknown> =>
    entriesOf(importing, name, { key, folder, value: stage[key] });
  const inputs = [...pathsOf("deps").keys()].map((path) => inputOf(importing, path));
  if (inputs.length > 0) step["inputs"] = inputs;
  for (const param of paramsOf(importing, name, stage["params"])) names.add(param);
  if (names.size > 0) step["params"] = [...names];
  const metrics = [...pathsOf("metrics").keys()];
  const plots = [...pathsOf("plots")].map(([path, entry]) => plotOf(path, entry));
  const outputs = [...pathsOf("outs")].map(([path, entry]) => outputOf(importing, name, path, entry));
  if (outputs.length > 0) step["outputs"] = outputs;
  if (metrics.length > 0) step["metrics"] = metrics;
  if (plots.length > 0) step["plots"] = plots;
  if (stage["always_changed"] === true) step["cache"] = false;
  if (stage["frozen"] === true)
    lose(
      importing,
      `\`frozen\` of stage \`${name}\``,
      "a step whose inputs have not changed is never run",
      "stages",
      name,
      "frozen",
    );
  for (const key of Object.keys(stage)) {
    if (
      ![
        "cmd",
        "deps",
        "params",
        "outs",
        "metrics",
        "plots",
        "wdir",
        "desc",
        "always_changed",
        "frozen",
        "meta",
        "vars",
      ].includes(key)
    ) {
      lose(importing, `\`${key}\` of stage \`${name}\``, "it has no counterpart", "stages", name, key);
    }
  }
  return step;
}

/** `${name}` in a command stays a parameter where it is one, else becomes its value. */
function commandOf(
  importing: Importing,
  stage: string,
  cmd: unknown,
  { folder, names }: { readonly folder: string; readonly names: Set<string> },
): string {
  const lines = Array.isArray(cmd) ? cmd.map(String).join("\n") : typeof cmd === "string" ? cmd : "";
  const text = lines.trim() || "true";
  const made = dvcScript(text, {
    isParameter: (name) => lookUp(importing.params, name) !== undefined,
    literal: (template) => literal(importing, template),
  });
  const place = ["stages", stage, "cmd"];
  for (const name of made.fixed) {
    lose(
      importing,
      `\`\${${name}}\` between backticks of stage \`${stage}\``,
      "it became its value of today",
      ...place,
    );
  }
  const why = refuseScript(made.script);
  if (why !== undefined) {
    lose(importing, `the command of stage \`${stage}\``, `${why}: write \`run:\` by hand`, ...place);
    return "false # write this step's command here";
  }
  for (const name of made.names) names.add(name);
  return folder === "" ? made.script : `cd ${folder}\n${made.script}`;
}

/** A path that DVC tracks becomes a dataset. */
function inputOf(importing: Importing, path: string): string {
  const dvc = `${path}.dvc`;
  if (!importing.has(dvc)) return path;
  const stem =
    path
      .replace(/\.[^./]+$/, "")
      .replaceAll(/[^A-Za-z0-9_-]/g, "-")
      .replace(/^[^A-Za-z0-9]+/, "") || "data";
  let name = stem;
  // `data/a.csv` and `data/a.json` are two datasets.
  for (let next = 2; (importing.datasets.get(name)?.dvc ?? dvc) !== dvc; next++) name = `${stem}-${next}`;
  importing.datasets.set(name, { dvc });
  return `dataset:${name}`;
}

function outputOf(importing: Importing, stage: string, path: string, entry: unknown): string {
  const options = optionsOf(entry);
  if (options["persist"] === true)
    lose(importing, `\`persist\` of \`${path}\``, "a step starts without its earlier outputs", "stages", stage, "outs");
  if (options["cache"] === false)
    lose(importing, `\`cache: false\` of \`${path}\``, "outputs are always kept in the store", "stages", stage, "outs");
  return path;
}

function plotOf(path: string, entry: unknown): Record<string, unknown> {
  const options = optionsOf(entry);
  const kind = /\.(png|jpe?g|svg|gif)$/.test(path)
    ? { kind: "image" }
    : options["template"] === "confusion"
      ? { kind: "heatmap" }
      : {};
  const axis = (name: string): object =>
    typeof options[name] === "string" ? { [name]: plainText(options[name]) } : {};
  return { path, ...axis("x"), ...axis("y"), ...kind };
}

/** A parameter's name; templates of DVC are none. */
function isName(name: string): boolean {
  return name !== "" && !name.includes("${") && !name.includes("\0");
}

/** Text for people, without what would be taken for a template. */
function plainText(text: string): string {
  return text.replaceAll("${{", "{{").replaceAll("\0", "");
}

function paramsOf(importing: Importing, stage: string, value: unknown): readonly string[] {
  return list(value).flatMap((entry) => {
    if (typeof entry === "string") {
      importing.paramFiles.add("params.yaml");
      return isName(entry) ? [entry] : [];
    }
    return Object.entries(isMap(entry) ? entry : {}).flatMap(([file, names]) => {
      if (!Array.isArray(names)) {
        lose(
          importing,
          `all parameters of \`${file}\` in stage \`${stage}\``,
          "a step names the parameters it uses",
          "stages",
          stage,
          "params",
        );
        return [];
      }
      if (refusePath(file) !== undefined || !/\.(ya?ml|json)$/.test(file)) {
        lose(
          importing,
          `parameters of \`${file}\` in stage \`${stage}\``,
          "parameters are read from YAML or JSON of the repository",
          "stages",
          stage,
          "params",
        );
        return [];
      }
      importing.paramFiles.add(cleanPath(file));
      return names.map(String).filter(isName);
    });
  });
}

function render(importing: Importing, steps: Readonly<Record<string, unknown>>): string {
  const files = [...importing.paramFiles].filter(importing.has);
  const used =
    JSON.stringify(steps).includes("${{ params.") && files.length === 0 && importing.has("params.yaml")
      ? ["params.yaml"]
      : files;
  const pipeline: Record<string, unknown> = {
    version: 1,
    ...(used.length === 0 ? {} : { params: used.length === 1 ? used[0] : used }),
    ...(importing.datasets.size === 0 ? {} : { datasets: Object.fromEntries(importing.datasets) }),
    steps,
  };
  return renderPipeline(pipeline);
}

/** The text of a pipeline file, with the line that makes editors check it. */
export function renderPipeline(pipeline: Readonly<Record<string, unknown>>): string {
  return `# yaml-language-server: $schema=../.sluice/schema/pipeline.schema.json\n${stringify(pipeline, { lineWidth: 120, aliasDuplicateObjects: false })}`;
}
