import { pinPathOf } from "../pipeline/pin-path.ts";
import type { Dataset } from "../pipeline/pipeline.ts";
import { formatBytes } from "../report/bytes.ts";
import { EXIT, Refusal } from "./exit.ts";
import { openSession, type Session } from "./session.ts";
import type { World } from "./world.ts";

type PathDataset = Extract<Dataset, { kind: "path" }>;

/** `sluice data add|update <name>`: writes the pin of a dataset that stands in place, or fetches it first. */
export async function pinDataset(world: World, name: string): Promise<number> {
  const session = await openSession(world);
  const { repository } = session;
  const dataset = find(session, name);
  const pinPath = pinPathOf(dataset);
  if ((await repository.measure(dataset.path)) === undefined) {
    if (dataset.uri === null)
      throw new Refusal(EXIT.bad, `nothing stands at ${dataset.path}\n  next: put the data there, or add a uri`);
    const fetched = await repository.fetch(
      { path: dataset.path, uri: dataset.uri, digest: null },
      world.terminal.interrupted,
    );
    if (fetched.kind === "refused")
      throw new Refusal(EXIT.bad, `${fetched.refusal.why}\n  next: ${fetched.refusal.next}`);
  }
  const there = await repository.measure(dataset.path);
  if (there === undefined) throw new Error(`pinning ${name}: nothing stands at ${dataset.path} after it was fetched`);
  await repository.writePin(pinPath, { path: dataset.path, ...there, uri: dataset.uri });
  repository.workTree.exclude([dataset.path]);
  repository.save();
  world.terminal.print(
    `${pinPath}: ${there.digest} (${there.files} ${there.files === 1 ? "file" : "files"}, ${formatBytes(there.size)})\n`,
  );
  return EXIT.fine;
}

/** `sluice data status`: each dataset, where it comes from and whether its bytes are what is pinned. */
export async function dataStatus(world: World): Promise<number> {
  const { repository, project } = await openSession(world);
  let code: number = EXIT.fine;
  for (const { pipeline } of project.pipelines) {
    for (const dataset of pipeline.datasets) {
      const state = await repository.dataset(dataset, project.tree);
      const words =
        state.kind === "ready"
          ? `pinned, ${formatBytes(state.size)}`
          : state.kind === "git"
            ? "in git"
            : state.kind === "absent"
              ? "absent (optional)"
              : state.message;
      world.terminal.print(`${pipeline.name}: ${dataset.name}  ${words}\n`);
      if (state.kind === "problem") {
        world.terminal.print(`  next: ${state.next}\n`);
        code = EXIT.bad;
      }
    }
  }
  if (project.pipelines.every(({ pipeline }) => pipeline.datasets.length === 0))
    world.terminal.say("no pipeline has a dataset\n  next: name one under `datasets:`, then sluice data add <name>\n");
  repository.save();
  return code;
}

function find(session: Session, name: string): PathDataset {
  const all = session.project.pipelines.flatMap(({ pipeline }) => pipeline.datasets);
  const dataset = all.find((one) => one.name === name);
  if (dataset === undefined)
    throw new Refusal(
      EXIT.usage,
      `no pipeline has a dataset ${name}\n  next: add it under datasets: with a path; known: ${all.map((one) => one.name).join(", ") || "none"}`,
    );
  if (dataset.kind !== "path")
    throw new Refusal(EXIT.usage, `dataset ${name} is not pinned by Sluice (${dataset.kind})`);
  return dataset;
}
