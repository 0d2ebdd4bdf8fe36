import type { JsonObject } from "../identity/canonical-json.ts";
import type { Imported } from "../pipeline/import-dvc.ts";
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
  const { path, imported, from } = await convert(repository);
  if (!repository.create(path, imported.pipeline))
    throw new Refusal(EXIT.bad, `${path} exists already\n  next: move it away`);
  const settings = repository.create("sluice.yaml", SETTINGS);
  repository.workTree.exclude([]);
  world.terminal.print(`wrote ${settings ? "sluice.yaml and " : ""}${path}${from === null ? "" : ` from ${from}`}\n\n`);
  for (const lost of imported.notCarried)
    world.terminal.print(`${from ?? path}:${lost.line}: not carried over: ${lost.what} (${lost.why})\n`);
  if (imported.notCarried.length > 0) world.terminal.print("\n");
  const code = await plan(world, [], {});
  world.terminal.print("\nBefore that, commit it: git add sluice.yaml pipelines && git commit -m 'Add a pipeline'\n");
  return code;
}

async function convert(
  repository: Repository,
): Promise<{ readonly path: string; readonly imported: Imported; readonly from: string | null }> {
  const files = new Set((await repository.view.files()).map((file) => file.path));
  const has = (path: string): boolean => files.has(path) || [...files].some((file) => file.startsWith(`${path}/`));
  const text = async (path: string): Promise<string> =>
    new TextDecoder().decode((await repository.view.read(path)) ?? new Uint8Array());
  if (files.has("dvc.yaml")) {
    const { importDvc } = await import("../pipeline/import-dvc.ts");
    const { parse } = await import("yaml");
    const params = files.has("params.yaml") ? ((parse(await text("params.yaml")) ?? {}) as JsonObject) : {};
    return {
      path: "pipelines/main.yaml",
      imported: importDvc(await text("dvc.yaml"), { has, params }),
      from: "dvc.yaml",
    };
  }
  if (files.has("Makefile")) {
    const { importMakefile } = await import("../pipeline/import-makefile.ts");
    const imported = importMakefile(await text("Makefile"), { has });
    if (imported.pipeline.includes("run:")) return { path: "pipelines/main.yaml", imported, from: "Makefile" };
  }
  const { importScripts } = await import("../pipeline/import-scripts.ts");
  return { path: "pipelines/main.yaml", imported: importScripts([...files]), from: null };
}
