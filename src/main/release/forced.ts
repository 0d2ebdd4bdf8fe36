import type { Desired } from "../../forge/desired.ts";
import type { EnvironmentSettings } from "../../pipeline/settings.ts";
import type { EnvironmentState } from "../../release/environment-state.ts";
import { forcedIssue } from "../../report/forced.ts";

/** What was forced is told to everybody for as long as it is live: by one issue for each place. */
export function tellForced(
  environments: readonly EnvironmentSettings[],
  states: ReadonlyMap<string, EnvironmentState>,
): readonly Desired[] {
  return environments.flatMap(({ name: environment }) =>
    [...(states.get(environment)?.pipelines ?? [])].flatMap(([pipeline, { live, earlier }]): readonly Desired[] => {
      // Where nothing ever was forced there is no issue that could be closed.
      if (live === null || ![live, ...earlier].some(({ how }) => how === "forced")) return [];
      return [{ kind: "issue", ...forcedIssue({ environment, pipeline, live }) }];
    }),
  );
}
