import type { Json, JsonObject } from "../identity/canonical-json.ts";
import { digestOf, type Digest } from "../identity/identity.ts";
import { deployPipeline, missingDeploys, triggerProblems } from "../pipeline/deploy-pipeline.ts";
import { globOf } from "../pipeline/glob.ts";
import { restoring } from "../pipeline/missing-input.ts";
import { linkedFile, misnamed, notPipelines, notSettings, standingAt } from "../pipeline/not-a-file.ts";
import type { Parsed, ParsedPipeline, Rest, Source } from "../pipeline/parsed.ts";
import type { Pipeline } from "../pipeline/pipeline.ts";
import type { Settings } from "../pipeline/settings.ts";
import { treeOf } from "../pipeline/tree.ts";
import { sameIds } from "../pipeline/same-ids.ts";
import { sharedOutputs } from "../pipeline/shared-outputs.ts";
import { upstreamProblems } from "../pipeline/upstream-problems.ts";
import { isError, type Problem } from "../problem/problem.ts";
import type { View } from "../git/view.ts";
import { SETTINGS_PATH, type PipelineFile, type Project } from "./project.ts";
import type { ParsedCache } from "../store/parsed-cache.ts";

/** Has some of these pipeline files parsed elsewhere while the others are parsed here. */
export type ParseAside = (sources: readonly Source[]) => Promise<ReadonlyMap<Source, Promise<ParsedPipeline>>>;

type Left = Rest & { readonly params: "unread" | "unreadable" };

interface Reading {
  readonly view: View;
  readonly cache: ParsedCache;
  /** By path and bytes: somebody may save a file meanwhile. */
  readonly aside: ReadonlyMap<Digest, Promise<ParsedPipeline>>;
  readonly problems: Problem[];
  /** What is left of files that have errors, and of those whose parameters have them. */
  readonly rests: Left[];
}

/** Reads settings, pipelines and parameters of a view; everything wrong with them comes back as Problems. */
export async function readProject(
  ports: { readonly cache: ParsedCache; readonly parseAside?: ParseAside },
  view: View,
): Promise<Project> {
  const settled: Reading = { view, cache: ports.cache, aside: new Map(), problems: [], rests: [] };
  const [files, settings] = await Promise.all([view.files(), readSettings(settled)]);
  const matches = globOf(settings.pipelines);
  const named = files.filter((file) => matches(file.path));
  const paths = named.filter((file) => file.kind !== "submodule").map((file) => file.path);
  settled.problems.push(...notPipelines(files, settings.pipelines), ...misnamed(files, settings.pipelines));
  const reading: Reading = { ...settled, aside: await handOut(ports, view, paths) };
  const pipelines: PipelineFile[] = [];
  const broken: string[] = [];
  for (const path of paths) {
    const file = await readPipeline(reading, path);
    if (file === undefined) broken.push(path);
    else pipelines.push(file);
  }
  reading.problems.push(...sameIds(pipelines.map(({ pipeline }) => pipeline)));
  const there = new Set(files.map((file) => file.path));
  reading.problems.push(...missingDeploys(settings, { settingsPath: SETTINGS_PATH, there, selected: new Set(paths) }));
  const deployed = pipelines.map((file) => asDeploy(reading, settings, file));
  const all = deployed.map(({ pipeline }) => pipeline);
  reading.problems.push(...upstreamProblems(all, broken.length > 0), ...sharedOutputs(all));
  const tree = treeOf(files, (path) => view.aside?.(path));
  for (const rest of reading.rests) await readOn(reading, rest, { tree, settings });
  return { view, settings, pipelines: deployed, tree, problems: reading.problems, broken };
}

/** Files that nobody has parsed before are offered to those who would help. */
async function handOut(
  { cache, parseAside }: Parameters<typeof readProject>[0],
  view: View,
  paths: readonly string[],
): Promise<Reading["aside"]> {
  if (parseAside === undefined) return new Map();
  const sources: Source[] = [];
  for (const path of paths) {
    const bytes = await view.read(path);
    if (bytes !== undefined && cache.get(keyOf({ path, bytes })) === undefined) sources.push({ path, bytes });
  }
  if (sources.length < 2) return new Map();
  const aside = await parseAside(sources);
  // Where reading ends before, nobody waits for these.
  for (const parsed of aside.values()) parsed.catch(() => undefined);
  return new Map([...aside].map(([source, parsed]) => [keyOf(source), parsed]));
}

/** Mistakes in what is left of a broken file stand among its others, in the order of the file. */
async function readOn(
  reading: Reading,
  rest: Left,
  { tree, settings }: Pick<Project, "tree" | "settings">,
): Promise<void> {
  const { furtherProblems } = await import("../pipeline/further-problems.ts");
  const file = rest.params === "unread" ? await readParameterFiles(reading, rest.pipeline) : undefined;
  const deploys =
    file === undefined
      ? settings.environments.some(({ deploy }) => deploy === rest.pipeline.path)
      : asDeploy(reading, settings, file).deploys.length > 0;
  const more = furtherProblems(rest, {
    tree,
    known: reading.problems,
    deploys,
    ...(file === undefined ? {} : { params: file.params }),
  });
  const { path } = rest.pipeline;
  const own = [...reading.problems.filter(({ at }) => at.path === path), ...more];
  const others = reading.problems.filter(({ at }) => at.path !== path);
  const found = reading.problems.findIndex(({ at }) => at.path === path);
  const first = found < 0 ? others.length : found;
  own.sort((a, b) => a.at.line - b.at.line || a.at.column - b.at.column);
  reading.problems.splice(0, Infinity, ...others.slice(0, first), ...own, ...others.slice(first));
}

async function readSettings(reading: Reading): Promise<Settings> {
  const bytes = (await isLink(reading, SETTINGS_PATH)) ? undefined : await reading.view.read(SETTINGS_PATH);
  if (bytes === undefined) {
    const strange = notSettings(await reading.view.files(), SETTINGS_PATH);
    if (strange !== undefined && strange.code !== "linked-file") reading.problems.push(strange);
    const { DEFAULT_SETTINGS } = await import("../pipeline/settings.ts");
    return DEFAULT_SETTINGS;
  }
  const settings = await parseCached<Settings>(reading, { path: SETTINGS_PATH, bytes }, async (source) => {
    const { parseSettings } = await import("../pipeline/parse-settings.ts");
    return parseSettings(source);
  });
  if (settings !== null) return settings;
  const { DEFAULT_SETTINGS } = await import("../pipeline/settings.ts");
  return DEFAULT_SETTINGS;
}

async function isLink({ view, problems }: Reading, path: string): Promise<boolean> {
  if ((await view.link(path)) === undefined) return false;
  problems.push(linkedFile(path));
  return true;
}

async function readPipeline(reading: Reading, path: string): Promise<PipelineFile | undefined> {
  if (await isLink(reading, path)) return undefined;
  const bytes = await reading.view.read(path);
  if (bytes === undefined) return undefined;
  const pipeline = await parseCached<Pipeline>(reading, { path, bytes }, async (source) => {
    const { parsePipeline } = await import("../pipeline/parse-pipeline.ts");
    const parsed = (await reading.aside.get(keyOf(source))) ?? parsePipeline(source);
    if (parsed.rest !== null) reading.rests.push({ ...parsed.rest, params: "unread" });
    return { value: parsed.value, problems: parsed.problems };
  });
  if (pipeline === null) return undefined;
  const file = await readParameterFiles(reading, pipeline);
  if (file === undefined)
    reading.rests.push({ pipeline, whole: { steps: true, datasets: true }, params: "unreadable" });
  return file;
}

/** What an environment's `deploy:` names is started by its releases alone. */
function asDeploy(reading: Reading, settings: Settings, file: PipelineFile): PipelineFile {
  const deploys = settings.environments.filter(({ deploy }) => deploy === file.path).map(({ name }) => name);
  if (deploys.length === 0) return file;
  reading.problems.push(...triggerProblems(file.pipeline, deploys));
  return { ...file, pipeline: deployPipeline(file.pipeline), deploys };
}

async function readParameterFiles(reading: Reading, pipeline: Pipeline): Promise<PipelineFile | undefined> {
  const parameterFiles: Source[] = [];
  const params: Record<string, Json> = {};
  for (const from of pipeline.params) {
    const at = {
      path: pipeline.path,
      line: from.at[0],
      column: from.at[1],
      end: { line: from.at[2], column: from.at[3] },
    };
    const source = from.kind === "map" ? undefined : await parameterFile(reading, from.path, at);
    const values = from.kind === "map" ? from.values : source && (await parametersOf(reading, source));
    if (values === undefined || values === null) return undefined;
    if (source !== undefined) parameterFiles.push(source);
    const twice = Object.keys(values).find((name) => Object.hasOwn(params, name));
    if (twice !== undefined) {
      reading.problems.push({
        severity: "error",
        code: "duplicate-parameter",
        at,
        message: `parameter \`${twice}\` stands in ${from.kind === "map" ? "this map" : `\`${from.path}\``} and in another source of \`params:\``,
        next: `keep \`${twice}\` in one place`,
      });
      return undefined;
    }
    Object.assign(params, values);
  }
  return { path: pipeline.path, pipeline, params, parameterFiles, deploys: [] };
}

async function parameterFile(reading: Reading, path: string, at: Problem["at"]): Promise<Source | undefined> {
  if (await isLink(reading, path)) return undefined;
  const bytes = await reading.view.read(path);
  if (bytes !== undefined) return { path, bytes };
  const standing = standingAt(await reading.view.files(), path);
  reading.problems.push({
    severity: "error",
    code: "missing-parameters",
    at,
    message:
      standing === undefined
        ? `parameter file \`${path}\` does not exist`
        : `parameter file \`${path}\` is a ${standing}, and no file`,
    next:
      standing !== undefined
        ? `put a file in its place, or name another one below \`params:\``
        : reading.view.aside?.(path) === "deleted"
          ? restoring(path)
          : `create ${path}, or write the parameters below \`params:\``,
  });
  return undefined;
}

async function parametersOf(reading: Reading, source: Source): Promise<JsonObject | null> {
  return parseCached<JsonObject>(reading, source, async (file) => {
    const { readParameters } = await import("../pipeline/read-parameters.ts");
    return readParameters(file);
  });
}

/** Parses, or takes what was parsed from the same bytes at the same path before; only values without errors are kept. */
async function parseCached<Value>(
  reading: Reading,
  source: Source,
  parse: (source: Source) => Promise<Parsed<Value>>,
): Promise<Value | null> {
  const key = keyOf(source);
  const known = reading.cache.get(key);
  if (known !== undefined) {
    const parsed = known as unknown as Parsed<Value>;
    reading.problems.push(...parsed.problems);
    return parsed.value;
  }
  const parsed = await parse(source);
  reading.problems.push(...parsed.problems);
  if (parsed.problems.some(isError)) return null;
  if (parsed.value !== null) reading.cache.set(key, parsed as unknown as Json);
  return parsed.value;
}

function keyOf({ path, bytes }: Source): Digest {
  return digestOf(`${path}\n${digestOf(bytes)}`);
}
