import type { Narrowed } from "../pipeline/narrow.ts";
import type { Leave, Role } from "./permission.ts";

/** Whether anything of a fork's pull request may run, by the default branch's settings and the operator; else the line to add. */
export function leaveForForks({ settings, pools, problems }: Narrowed): Leave {
  if (settings.forks.run === "maintainer") return { kind: "granted" };
  const [line, column] = settings.places["forks"] ?? [0, 0];
  const widens = problems.find(
    ({ code, at }) => code === "widens-operator" && at.line === line && at.column === column,
  );
  const untrusted = Object.keys(pools).find((name) => pools[name]?.untrusted === true);
  const why = widens === undefined ? "pull requests from forks are planned and not run" : widens.message;
  return untrusted === undefined
    ? { kind: "refused", why, next: `ask the operator for a pool with \`untrusted: true\`, then ${lineFor("NAME")}` }
    : { kind: "refused", why, next: lineFor(untrusted) };
}

function lineFor(pool: string): string {
  return `write \`forks: { run: maintainer, pool: ${pool} }\` in sluice.yaml of the default branch`;
}

const MAINTAINERS: readonly Role[] = ["maintain", "admin"];

/** Whether somebody may have a fork's pull request run, besides what running needs anyhow; `command` is what they typed. */
export function mayRunForks(
  rules: Narrowed,
  { role, command }: { readonly role: Role; readonly command: string },
): Leave {
  const leave = leaveForForks(rules);
  if (leave.kind === "refused" || MAINTAINERS.includes(role)) return leave;
  return {
    kind: "refused",
    why: "running what a fork brings needs maintain permission",
    next: `ask somebody who has it to comment ${command}`,
  };
}
