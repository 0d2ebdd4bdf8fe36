import type { PlannedPipeline, Project } from "../controller/project.ts";
import type { Step } from "../pipeline/pipeline.ts";
import type { Problem } from "../problem/problem.ts";
import type { Repository } from "./world.ts";

/** The code of the warning, after which there still may be nothing to do. */
export const UNNAMED_VENV = "unnamed-venv";

const VENV = ".venv/pyvenv.cfg";

/** A warning for each pipeline with steps whose environment nobody names beside a virtual one that nobody would use (SEMANTICS §2). */
export function unnamedVenv(
  { repository, project }: { readonly repository: Repository; readonly project: Project },
  planned: readonly PlannedPipeline[],
): readonly PlannedPipeline[] {
  if (repository.digests.digest(repository.workTree.absolute(VENV)) === undefined) return planned;
  if (project.tree.get(VENV)?.tracked === true) return planned;
  const lock = project.tree.get("requirements.txt") === undefined ? "" : ", lock: requirements.txt";
  return planned.map((one) => {
    const { path, at, steps } = one.file.pipeline;
    const unnamed = ({ environment }: Step): boolean => environment.kind === "system" && environment.written !== true;
    if (!steps.some(unnamed)) return one;
    const warning: Problem = {
      severity: "warning",
      code: UNNAMED_VENV,
      at: { path, line: at[0], column: at[1] },
      message:
        "a virtual environment stands at `.venv`, and no `environment:` names it: steps run with what is on PATH",
      next: `add \`environment: { venv: .venv${lock} }\`, or \`environment: { system: true }\``,
    };
    return { ...one, problems: [...one.problems, warning] };
  });
}
