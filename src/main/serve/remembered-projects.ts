import type { PlanAt, Project } from "../../controller/project.ts";

/** Projects kept: of a base and a head, of their merge, and of another pull request. */
const PROJECTS = 4;

type At = Pick<Parameters<PlanAt>[0], "commit" | "tree">;

/** Projects as they are asked for again and again: what a commit or a tree holds never changes. */
export function rememberedProjects(read: (at: At) => Promise<Project>): (at: At) => Promise<Project> {
  const kept = new Map<string, Promise<Project>>();
  return (at) => {
    const key = `${at.commit} ${at.tree ?? ""}`;
    const known = kept.get(key);
    const project = known ?? read(at);
    // The one asked for last stays longest.
    kept.delete(key);
    kept.set(key, project);
    for (const oldest of [...kept.keys()].slice(0, -PROJECTS)) kept.delete(oldest);
    if (known === undefined)
      project.catch(() => {
        if (kept.get(key) === project) kept.delete(key);
      });
    return project;
  };
}
