import { EXIT } from "./exit.ts";
import { paintOf } from "./history.ts";
import { openSession, planSession, PLAIN_REQUEST, tellProblems } from "./session.ts";
import type { World } from "./world.ts";

export interface GraphFlags {
  readonly mermaid?: boolean;
  readonly dot?: boolean;
  readonly json?: boolean;
}

/** `sluice graph`: the steps and what flows between them. */
export async function graph(world: World, names: readonly string[], flags: GraphFlags): Promise<number> {
  const session = await openSession(world);
  const store = await session.repository.store(session.project.settings);
  const planned = await planSession(session, store, { ...PLAIN_REQUEST, names });
  const broken = await tellProblems(session, session.project.view, [
    ...session.project.problems,
    ...planned.flatMap((one) => one.problems),
  ]);
  const { graphOf } = await import("../report/graph-view.ts");
  const graphs = planned.flatMap(({ order, forecast }) => (order === null ? [] : [graphOf(order, forecast)]));
  const print = (text: string): void => world.terminal.print(text);
  if (flags.json === true) print((await import("../report/graph-json.ts")).graphJson(graphs));
  else if (flags.mermaid === true)
    for (const one of graphs) print(`${(await import("../report/graph-mermaid.ts")).graphMermaid(one)}\n`);
  else if (flags.dot === true)
    for (const one of graphs) print(`${(await import("../report/graph-dot.ts")).graphDot(one)}\n`);
  else for (const one of graphs) print(`${(await import("../report/graph-text.ts")).graphText(one, paintOf(world))}\n`);
  if (planned.length === 0 && !broken)
    world.terminal.say(`no pipelines at ${session.project.settings.pipelines}\n  next: sluice init\n`);
  session.repository.save();
  return broken ? EXIT.bad : EXIT.fine;
}
