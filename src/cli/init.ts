import { realpathSync } from "node:fs";

import type { JsonObject } from "../identity/canonical-json.ts";
import type { Imported } from "../pipeline/import-dvc.ts";
import { firstPath } from "../pipeline/first-path.ts";
import { EXIT, Refusal } from "./exit.ts";
import { plan } from "./plan.ts";
import { openRepository } from "./open-repository.ts";
import { openSession } from "./session.ts";
import type { Repository, World } from "./world.ts";

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
  if (!repository.create(path, withSchema(imported.pipeline, path)))
    throw new Refusal(EXIT.bad, `${path} exists already\n  next: move it away`);
  const settings = repository.create("sluice.yaml", SETTINGS);
  repository.workTree.exclude([]);
  tell(world, { path, settings, imported, from, root: repository.git.root });
  return plan(world, [], {});
}

interface Written {
  readonly path: string;
  readonly settings: boolean;
  readonly root: string;
}

/** What was written, what was left out, and the commit that a run is recorded with. */
function tell({ terminal, config }: World, { path, settings, imported, from, root }: Converted & Written): void {
  const written = `${settings ? "sluice.yaml and " : ""}${path}`;
  terminal.print(
    from === "sample"
      ? `found no dvc.yaml, Makefile or scripts of known names: wrote a sample to change (${written})\n\n`
      : `wrote ${written}${from === "scripts" ? "" : ` from ${from}`}\n\n`,
  );
  for (const lost of imported.notCarried)
    terminal.print(`${from === "scripts" ? path : from}:${lost.line}: not carried over: ${lost.what} (${lost.why})\n`);
  if (imported.notCarried.length > 0) terminal.print("\n");
  const [place = path] = path.split("/");
  // `:/` is the root of the work tree, wherever the person stands.
  const top = realpathSync(config.cwd) === root ? "" : ":/";
  terminal.print(
    `Before it runs, commit it: git add ${top}sluice.yaml ${top}${place} && git commit -m 'Add a pipeline'\n\n`,
  );
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
