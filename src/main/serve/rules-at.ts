import { SETTINGS_PATH, type RulesAt } from "../../controller/project.ts";
import type { Commits } from "../../git/git.ts";
import { narrow } from "../../pipeline/narrow.ts";
import { notSettings } from "../../pipeline/not-a-file.ts";
import type { Operator } from "../../pipeline/operator.ts";
import { parseSettings } from "../../pipeline/parse-settings.ts";
import { DEFAULT_SETTINGS } from "../../pipeline/settings.ts";
import { isError } from "../../problem/problem.ts";

/** Reads the rules of commits; what stands in the place of the settings and is no file cannot be read. */
export function rulesReader(
  commits: Pick<Commits, "tree" | "file">,
  { operator, repository }: { readonly operator: Operator; readonly repository: string },
): RulesAt {
  return async (commit) => {
    const strange = notSettings(await commits.tree(commit), SETTINGS_PATH);
    if (strange !== undefined) return { ...narrow(operator, DEFAULT_SETTINGS, repository), unreadable: [strange] };
    const bytes = await commits.file(commit, SETTINGS_PATH);
    const { value, problems } = parseSettings(bytes === undefined ? null : { path: SETTINGS_PATH, bytes });
    const narrowed = narrow(operator, value ?? DEFAULT_SETTINGS, repository);
    if (bytes === undefined) return { ...narrowed, absent: true };
    return value === null ? { ...narrowed, unreadable: problems.filter(isError) } : narrowed;
  };
}
