import { LineCounter, parseDocument, stringify, type Node } from "yaml";

import { lookUp } from "../expression/template.ts";
import type { JsonObject } from "../identity/canonical-json.ts";

/** Something of a foreign pipeline that has no place here, and where it stands. */
export interface NotCarried {
  readonly what: string;
  readonly why: string;
  readonly line: number;
}

/** A pipeline written from somebody else's definition. */
export interface Imported {
  /** The text of the pipeline file. */
  readonly pipeline: string;
  readonly notCarried: readonly NotCarried[];
}

interface Importing {
  readonly has: (path: string) => boolean;
  /** Values of params.yaml and `vars`, for `${name}`. */
  readonly values: JsonObject;
  readonly params: JsonObject;
  readonly notCarried: NotCarried[];
  readonly datasets: Map<string, { readonly dvc: string }>;
  readonly paramFiles: Set<string>;
  readonly line: (...path: (string | number)[]) => number;
}

type Raw = Readonly<Record<string, unknown>>;

/** Converts a `dvc.yaml`; what cannot be carried over is named with its line. */
export function importDvc(
  text: string,
  files: { readonly has: (path: string) => boolean; readonly params: JsonObject },
): Imported {
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines });
  const root = (document.toJS() ?? {}) as Raw;
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
    if (step !== undefined) steps[name.replaceAll(/[^A-Za-z0-9_-]/g, "-")] = step;
  }
  for (const key of ["plots", "metrics", "params", "artifacts", "datasets"]) {
    if (root[key] !== undefined) lose(importing, `top-level \`${key}\``, "it belongs to the step that writes it", key);
  }
  return { pipeline: render(importing, steps), notCarried: importing.notCarried };
}

function lose(importing: Importing, what: string, why: string, ...path: (string | number)[]): void {
  importing.notCarried.push({ what, why, line: importing.line(...path) });
}

function isMap(value: unknown): value is Raw {
  return typeof value === "object" && value !== null && !Array.isArray(value);
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
  if (typeof stage["desc"] === "string") step["description"] = stage["desc"];
  const folder = typeof stage["wdir"] === "string" ? stage["wdir"].replace(/^\.\/?/, "").replace(/\/$/, "") : "";
  const names = new Set<string>();
  step["run"] = commandOf(importing, stage["cmd"], { folder, names });
  const inputs = list(stage["deps"]).map((dep) => inputOf(importing, within(folder, literal(importing, pathOf(dep)))));
  if (inputs.length > 0) step["inputs"] = inputs;
  for (const param of paramsOf(importing, name, stage["params"])) names.add(param);
  if (names.size > 0) step["params"] = [...names];
  const metrics = list(stage["metrics"]).map((entry) => within(folder, literal(importing, pathOf(entry))));
  const plots = list(stage["plots"]).map((entry) => plotOf(within(folder, literal(importing, pathOf(entry))), entry));
  const outputs = list(stage["outs"]).map((entry) =>
    outputOf(importing, name, within(folder, literal(importing, pathOf(entry))), entry),
  );
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

/** Entries of a list whose items are paths or `{path: options}`. */
function list(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? (value as readonly unknown[]) : [];
}

function pathOf(entry: unknown): string {
  return typeof entry === "string" ? entry : isMap(entry) ? (Object.keys(entry)[0] ?? "") : "";
}

function optionsOf(entry: unknown): Raw {
  const options = isMap(entry) ? Object.values(entry)[0] : undefined;
  return isMap(options) ? options : {};
}

function within(folder: string, path: string): string {
  const joined = folder === "" ? path : `${folder}/${path}`;
  const parts: string[] = [];
  for (const part of joined.split("/")) {
    if (part === "..") parts.pop();
    else if (part !== "." && part !== "") parts.push(part);
  }
  return parts.join("/");
}

/** `${name}` in a path becomes its value: paths of a pipeline are plain. */
function literal(importing: Importing, text: string): string {
  return text.replace(/\$\{([\w.-]+)\}/g, (whole, name: string) => {
    const value = lookUp(importing.values, name);
    return value === undefined || typeof value === "object" ? whole : String(value);
  });
}

/** `${name}` in a command stays a parameter where it is one, else becomes its value. */
function commandOf(
  importing: Importing,
  cmd: unknown,
  { folder, names }: { readonly folder: string; readonly names: Set<string> },
): string {
  const text = Array.isArray(cmd) ? cmd.map(String).join("\n") : typeof cmd === "string" ? cmd.trim() : "true";
  const filled = text.replace(/\$\{([\w.-]+)\}/g, (_, name: string) => {
    if (lookUp(importing.params, name) === undefined) return literal(importing, `\${${name}}`);
    names.add(name);
    return `\${{ params.${name} }}`;
  });
  return folder === "" ? filled : `cd ${folder}\n${filled}`;
}

/** A path that DVC tracks becomes a dataset. */
function inputOf(importing: Importing, path: string): string {
  if (!importing.has(`${path}.dvc`)) return path;
  const name = path.replace(/\.[^./]+$/, "").replaceAll(/[^A-Za-z0-9_-]/g, "-");
  importing.datasets.set(name, { dvc: `${path}.dvc` });
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
  const axis = (name: string): object => (typeof options[name] === "string" ? { [name]: options[name] } : {});
  return { path, ...axis("x"), ...axis("y"), ...kind };
}

function paramsOf(importing: Importing, stage: string, value: unknown): readonly string[] {
  return list(value).flatMap((entry) => {
    if (typeof entry === "string") {
      importing.paramFiles.add("params.yaml");
      return [entry];
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
      importing.paramFiles.add(file);
      return names.map(String);
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
  return `# yaml-language-server: $schema=../.sluice/schema/pipeline.schema.json\n${stringify(pipeline, { lineWidth: 120 })}`;
}
