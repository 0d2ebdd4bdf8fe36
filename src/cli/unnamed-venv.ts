import type { PlannedPipeline, Project } from "../controller/project.ts";
import type { Problem } from "../problem/problem.ts";
import type { Repository } from "./world.ts";

const VENV = ".venv/pyvenv.cfg";

/** A warning for each pipeline that says nothing of its environment beside a virtual one that nobody would use (SEMANTICS §2). */
export async function unnamedVenv(
  { repository, project }: { readonly repository: Repository; readonly project: Project },
  planned: readonly PlannedPipeline[],
): Promise<readonly PlannedPipeline[]> {
  if (repository.digests.digest(repository.workTree.absolute(VENV)) === undefined) return planned;
  if (project.tree.get(VENV)?.tracked === true) return planned;
  const lock = project.tree.get("requirements.txt") === undefined ? "" : ", lock: requirements.txt";
  return Promise.all(
    planned.map(async (one) => {
      const { path, at, steps } = one.file.pipeline;
      const text = new TextDecoder().decode(await project.view.read(path));
      if (/(^|[\s{,"'])environment["']?\s*:/.test(text)) return one;
      if (!steps.some(({ environment }) => environment.kind === "system")) return one;
      const warning: Problem = {
        severity: "warning",
        code: "unnamed-venv",
        at: { path, line: at[0], column: at[1] },
        message:
          "a virtual environment stands at `.venv`, and no `environment:` names it: steps run with what is on PATH",
        next: `add \`environment: { venv: .venv${lock} }\`, or \`environment: { system: true }\``,
      };
      return { ...one, problems: [...one.problems, warning] };
    }),
  );
}
