import { expect, test } from "vitest";

import { mayDo, requirementOf, type Deed, type Role, notYours, wasNotPermitted } from "../../src/policy/permission.ts";

const ask = (
  permissions: Parameters<typeof mayDo>[0],
  deed: Deed,
  [role, member]: readonly [Role, boolean] = ["none", false],
) => mayDo(permissions, { deed, command: `/sluice ${deed}` }, { role, member });

test.each([
  ["run", "write"],
  ["promote", "write"],
  ["approve", "write"],
  ["hold", "write"],
  ["rollback", "maintain"],
  ["break_glass", "admin"],
] as const)("%s needs %s where nothing is written", (deed, least) => {
  const roles = ["none", "read", "triage", "write", "maintain", "admin"] as const;
  for (const role of roles) {
    const granted = roles.indexOf(role) >= roles.indexOf(least);
    expect(ask({}, deed, [role, true]).kind).toBe(granted ? "granted" : "refused");
  }
});

test("a team admits its members alone: not even those who administer the repository", () => {
  const permissions = { promote: { team: "ml" } };
  expect(requirementOf(permissions, "promote")).toEqual({ kind: "team", team: "ml" });
  expect(ask(permissions, "promote", ["read", true])).toEqual({ kind: "granted" });
  expect(ask(permissions, "promote", ["admin", false])).toEqual({
    kind: "refused",
    why: "promoting is for members of ml",
    next: "ask a member of ml to comment /sluice promote",
  });
});

test("a role may be lowered or raised; one that nobody knows admits administrators only", () => {
  expect(ask({ run: { role: "triage" } }, "run", ["triage", false]).kind).toBe("granted");
  expect(ask({ run: { role: "maintain" } }, "run", ["write", false])).toMatchObject({
    why: "running and stopping needs maintain permission",
  });
  expect(ask({ run: { role: "superuser" } }, "run", ["maintain", false]).kind).toBe("refused");
  expect(ask({ run: { role: "superuser" } }, "run", ["admin", false]).kind).toBe("granted");
});

test("whatever refuses a deed to somebody is told apart from every other refusal", () => {
  const nobody = { role: "none", member: false } as const;
  for (const deed of ["run", "promote", "approve", "rollback", "hold", "break_glass"] as const) {
    for (const permissions of [{}, { [deed]: { team: "ml" } }]) {
      const leave = mayDo(permissions, { deed, command: "/sluice x" }, nobody);
      expect(leave.kind === "refused" && wasNotPermitted(leave.why)).toBe(true);
    }
  }
  expect(wasNotPermitted(notYours("approve in `prod`"))).toBe(true);
  expect(wasNotPermitted("there is no environment `prod`")).toBe(false);
});
