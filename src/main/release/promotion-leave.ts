import type { Answer, Forge } from "../../forge/forge.ts";
import type { EnvironmentSettings, Settings } from "../../pipeline/settings.ts";
import { mayDo, requirementOf } from "../../policy/permission.ts";

export interface Leave {
  asks(login: string): Promise<Answer<boolean>>;
}

/**
 * Whether somebody may promote, approve or roll back, by the default branch's `permissions:` and an environment's own list of
 * approvers, as the forge answers at this moment.
 */
export function leaveOf(
  forge: Pick<Forge, "permission" | "teamMember">,
  {
    deed,
    permissions,
    from,
  }: {
    readonly deed: "promote" | "approve" | "rollback";
    readonly permissions: Settings["permissions"];
    readonly from: EnvironmentSettings["approvals"];
  },
): Leave {
  const needed = requirementOf(permissions, deed);
  const general = async (login: string): Promise<Answer<boolean>> => {
    if (needed.kind === "team") return forge.teamMember(needed.team, login);
    const role = await forge.permission(login);
    if (role.kind !== "ok") return role;
    const granted = mayDo(permissions, { deed, command: "" }, { role: role.value, member: false });
    return { kind: "ok", value: granted.kind === "granted" };
  };
  return {
    async asks(login) {
      if (from === null || from.teams.length + from.users.length === 0) return general(login);
      if (from.users.some((user) => user.toLowerCase() === login.toLowerCase())) return { kind: "ok", value: true };
      for (const team of from.teams) {
        const member = await forge.teamMember(team, login);
        if (member.kind !== "ok" && member.kind !== "not-found") return member;
        if (member.kind === "ok" && member.value) return member;
      }
      return { kind: "ok", value: false };
    },
  };
}
