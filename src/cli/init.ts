import { realpathSync } from "node:fs";
import { relative } from "node:path";

import type { JsonObject } from "../identity/canonical-json.ts";
import type { Imported } from "../pipeline/import-dvc.ts";
import { firstPath } from "../pipeline/first-path.ts";
import { EXIT, Refusal } from "./exit.ts";
import { commitLine, quoted } from "./commit-line.ts";
import { plan } from "./plan.ts";
import { openRepository } from "./open-repository.ts";
import { openSession, planSession, PLAIN_REQUEST } from "./session.ts";
import type { Repository, World } from "./world.ts";

const BEFORE_IT_RUNS = "Before it runs, commit it with what it reads";

const SETTINGS = `version: 1
pipelines: "pipelines/*.yaml"
`;

/** `sluice init`: settings, a first pipeline and the schema; what stands there is never overwritten. */
export async function init(world: World): Promise<number> {
  const repository = await openRepository(world);
  const { project } = await openSession(world);
  const count = project.pipelines.length + project.broken.length;
  if (count > 0) {
    const pipelines = count === 1 ? "a pipeline" : `${count} pipelines`;
    world.terminal.print(`this repository has ${pipelines} already; the schema was written to .sluice/schema/\n`);
    return EXIT.fine;
  }
  const path = firstPath(project.settings.pipelines);
  if (path === undefined)
    throw new Refusal(
      EXIT.bad,
      `no name of a file was found that \`pipelines: "${project.settings.pipelines}"\` takes\n  next: write a glob such as pipelines/*.yaml in sluice.yaml`,
    );
  const { imported, from } = await convert(repository);
  await tellBelow(world, repository, from);
  if (!repository.create(path, withSchema(imported.pipeline, path)))
    throw new Refusal(EXIT.bad, `${path} exists already\n  next: move it away`);
  const settings = repository.create("sluice.yaml", SETTINGS);
  repository.workTree.exclude([]);
  tell(world, { path, settings, imported, from });
  // Opened anew: the first look is from before the files were there.
  const session = await openSession(world);
  const planned = await planSession(session, await session.repository.store(session.project.settings), PLAIN_REQUEST);
  const commit = commitLine(session, planned);
  if (commit !== undefined) world.terminal.print(`${BEFORE_IT_RUNS}: ${commit}\n\n`);
  return plan(world, [], {});
}

/** Where a person stands below the root, what stands there is not what is converted: paths are from the root. */
async function tellBelow({ config, terminal }: World, repository: Repository, from: Converted["from"]): Promise<void> {
  const here = relative(repository.git.root, realpathSync(config.cwd)).replaceAll("\\", "/");
  if (here === "") return;
  const files = new Set((await repository.view.files()).map((file) => file.path));
  const below = ["dvc.yaml", "Makefile"].map((name) => `${here}/${name}`).find((path) => files.has(path));
  if (below === undefined) return;
  const said = `${below} is not looked at: \`sluice init\` converts what stands at the root of the repository, ${repository.git.root}`;
  if (from !== "sample") terminal.say(`${said}\n`);
  else
    throw new Refusal(
      EXIT.bad,
      `${said}, and nothing is there\n  next: move it there with paths from the root and type \`sluice init\` again; or \`cd ${quoted(repository.git.root)} && sluice init\` for a sample, and write steps with \`run: cd ${quoted(here)} && …\` and paths that begin with ${here}/`,
    );
}

interface Written {
  readonly path: string;
  readonly settings: boolean;
}

/** What was written, and what was left out. */
function tell({ terminal }: World, { path, settings, imported, from }: Converted & Written): void {
  const written = `${settings ? "sluice.yaml and " : ""}${path}`;
  terminal.print(
    from === "sample"
      ? `found no dvc.yaml, Makefile or scripts of known names: wrote a sample to change (${written})\n\n`
      : `wrote ${written}${from === "scripts" ? "" : ` from ${from}`}\n\n`,
  );
  for (const lost of imported.notCarried)
    terminal.print(`${from === "scripts" ? path : from}:${lost.line}: not carried over: ${lost.what} (${lost.why})\n`);
  if (imported.notCarried.length > 0) terminal.print("\n");
}

/** The schema is named by its way from the pipeline's directory. */
function withSchema(pipeline: string, path: string): string {
  return pipeline.replace("$schema=../", `$schema=${"../".repeat(path.split("/").length - 1) || "./"}`);
}

interface Converted {
  readonly imported: Imported;
  readonly from: "dvc.yaml" | "Makefile" | "scripts" | "sample";
}

async function convert(repository: Repository): Promise<Converted> {
  const files = new Set((await repository.view.files()).map((file) => file.path));
  const has = (path: string): boolean => files.has(path) || [...files].some((file) => file.startsWith(`${path}/`));
  const text = async (path: string): Promise<string> =>
    new TextDecoder().decode((await repository.view.read(path)) ?? new Uint8Array());
  if (files.has("dvc.yaml")) {
    const { importDvc } = await import("../pipeline/import-dvc.ts");
    const { parse } = await import("yaml");
    const params = files.has("params.yaml") ? ((parse(await text("params.yaml")) ?? {}) as JsonObject) : {};
    return { imported: importDvc(await text("dvc.yaml"), { has, params }), from: "dvc.yaml" };
  }
  if (files.has("Makefile")) {
    const { importMakefile } = await import("../pipeline/import-makefile.ts");
    const imported = importMakefile(await text("Makefile"), { has });
    if (imported.pipeline.includes("run:")) return { imported, from: "Makefile" };
  }
  const { importScripts, samplePipeline } = await import("../pipeline/import-scripts.ts");
  const scripts = importScripts([...files]);
  return scripts === undefined
    ? { imported: samplePipeline(), from: "sample" }
    : { imported: scripts, from: "scripts" };
}
