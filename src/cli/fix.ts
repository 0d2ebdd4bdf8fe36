import type { FailedRun } from "../report/failed-run.ts";
import type { Session } from "./session.ts";

/** Writes the input that a near miss asks for into the pipeline file; comments and layout stay. */
export async function fixInputs(session: Session, path: string, failed: FailedRun): Promise<void> {
  const bytes = await session.project.view.read(path);
  if (bytes === undefined) return;
  const { parseDocument } = await import("yaml");
  const document = parseDocument(new TextDecoder().decode(bytes));
  const fixed: string[] = [];
  for (const { step, nearMiss } of failed.failed) {
    if (nearMiss === null || nearMiss === undefined) continue;
    const place = ["steps", step, "inputs"];
    if (document.hasIn(place)) document.addIn(place, nearMiss.path);
    else document.setIn(place, document.createNode([nearMiss.path], { flow: true }));
    fixed.push(`${step}: ${nearMiss.path}`);
  }
  if (fixed.length === 0) return;
  session.repository.write(path, document.toString({ lineWidth: 0 }));
  session.world.terminal.say(`wrote to ${path}: ${fixed.join(", ")}\n  next: sluice run\n`);
}
