import type { Settings } from "../pipeline/settings.ts";

/** Roles in a repository as the forge names them, least first. */
const ROLES = ["none", "read", "triage", "write", "maintain", "admin"] as const;
export type Role = (typeof ROLES)[number];

/** What people do to pipelines and environments; each is granted by `permissions:` of the default branch. */
export type Deed = "run" | "promote" | "approve" | "rollback" | "hold" | "break_glass";

/** What somebody must be: of a role at least, or a member of a team. */
export type Requirement =
  | { readonly kind: "role"; readonly role: Role }
  | { readonly kind: "team"; readonly team: string };

/** What holds where the settings say nothing. */
const DEFAULTS: Readonly<Record<Deed, Role>> = {
  run: "write",
  promote: "write",
  approve: "write",
  rollback: "maintain",
  hold: "write",
  break_glass: "admin",
};

/** What each deed is called in a sentence. */
const WORDS: Readonly<Record<Deed, string>> = {
  run: "running and stopping",
  promote: "promoting",
  approve: "approving",
  rollback: "rolling back",
  hold: "holding and freezing",
  break_glass: "releasing past gates and approvals",
};

/** What a deed needs, by the settings of the default branch. */
export function requirementOf(permissions: Settings["permissions"], deed: Deed): Requirement {
  const written = permissions[deed];
  if (written === undefined) return { kind: "role", role: DEFAULTS[deed] };
  if ("team" in written) return { kind: "team", team: written.team };
  const role = ROLES.find((one) => one === written.role);
  // A role that no version of us knows admits nobody but those who may do everything.
  return { kind: "role", role: role ?? "admin" };
}

/** Somebody as the forge knows them at this moment; `member`: of the team that the deed asks for. */
export interface Standing {
  readonly role: Role;
  readonly member: boolean;
}

export type Leave =
  | { readonly kind: "granted" }
  | { readonly kind: "refused"; readonly why: string; readonly next: string };

/** Whether somebody may do something; a sentence and what to do next where not. `command` is what they would type. */
export function mayDo(
  permissions: Settings["permissions"],
  { deed, command }: { readonly deed: Deed; readonly command: string },
  standing: Standing,
): Leave {
  const needed = requirementOf(permissions, deed);
  const granted = needed.kind === "team" ? standing.member : ROLES.indexOf(standing.role) >= ROLES.indexOf(needed.role);
  if (granted) return { kind: "granted" };
  const whom = needed.kind === "team" ? `a member of ${needed.team}` : "somebody who has it";
  const what = needed.kind === "team" ? `is for members of ${needed.team}` : `needs ${needed.role} permission`;
  return { kind: "refused", why: `${WORDS[deed]} ${what}`, next: `ask ${whom} to comment ${command}` };
}

const NOT_YOU = "you may not ";

/** Says to somebody that what they ask for is not theirs to do; `deed` as in "approve in `prod`". */
export function notYours(deed: string): string {
  return `${NOT_YOU}${deed}`;
}

/** Whether an answer of ours says that somebody may not do what they asked for. */
export function wasNotPermitted(answer: string): boolean {
  return (
    answer.startsWith(NOT_YOU) ||
    Object.values(WORDS).some((words) => answer.startsWith(`${words} needs `) || answer.startsWith(`${words} is for `))
  );
}
