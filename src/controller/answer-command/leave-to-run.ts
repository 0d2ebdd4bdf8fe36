import { againAfter, isNotNow } from "../../forge/looked.ts";
import { mayRunForks } from "../../policy/forks.ts";
import { mayDo, requirementOf, type Leave } from "../../policy/permission.ts";
import type { CommandPorts } from "./answering.ts";

/** Whether somebody may run things, by what the settings of the default branch and the forge say at this moment. */
export async function leaveToRun(
  { forge, rules, clock }: Pick<CommandPorts, "forge" | "rules" | "clock">,
  { login, command, strangers }: { readonly login: string; readonly command: string; readonly strangers: boolean },
): Promise<Leave | { readonly kind: "later"; readonly afterMs: number }> {
  const ruling = await rules();
  if (ruling === undefined) return { kind: "later", afterMs: 5_000 };
  if (ruling.unreadable !== undefined && command !== "/sluice cancel")
    return {
      kind: "refused",
      why: "`sluice.yaml` on the default branch has problems, and nobody can say who may run what",
      next: "mend it there first",
    };
  const { permissions } = ruling.settings;
  const needed = requirementOf(permissions, "run");
  const member = needed.kind === "team" ? await forge.teamMember(needed.team, login) : undefined;
  // Asked for twice, a role could be answered in two ways.
  const role = member === undefined || strangers ? await forge.permission(login) : undefined;
  const later = [member, role].find(isNotNow);
  if (later !== undefined) return { kind: "later", afterMs: againAfter(later, clock.now()) };
  const standing = {
    role: role?.kind === "ok" ? role.value : ("none" as const),
    member: member?.kind === "ok" && member.value,
  };
  const leave = mayDo(permissions, { deed: "run", command }, standing);
  return leave.kind === "refused" || !strangers ? leave : mayRunForks(ruling, { role: standing.role, command });
}
