import { isDeepStrictEqual } from "node:util";

import type { Narrowed } from "./narrow.ts";
import type { Settings } from "./settings.ts";

/** What a change loses that leaves no `sluice.yaml`: a sentence in which backticks mark code; null where it leaves one. */
export function lostSettings(rules: Narrowed, proposed: Narrowed | null): string | null {
  if (proposed === null || rules.absent === true) return null;
  if (rules.unreadable !== undefined) return proposed.absent === true ? UNREADABLE : null;
  const noFile = proposed.unreadable?.some(({ code }) => code === "not-a-file" || code === "linked-file") === true;
  if (proposed.absent !== true && !noFile) return null;
  const lost = lostOf(rules.settings, proposed.settings);
  const what = lost.length === 0 ? "" : `, without what it says of ${lost.join(", ")}`;
  return `\`sluice.yaml\` is taken away by this change: once it is merged the defaults hold${what}. Restore the file to keep them`;
}

/** Nobody can say what is lost, and nothing else says that anything is: without the file there is no problem in it. */
const UNREADABLE =
  "`sluice.yaml` of the default branch cannot be read, and this change takes it away: once it is merged the defaults hold, without whatever it says. Mend the file to keep that";

function lostOf(before: Settings, after: Settings): readonly string[] {
  const environments = before.environments.map(({ name }) => `\`${name}\``);
  const more = SECTIONS.filter((name) => !isDeepStrictEqual(before[name], after[name])).map(
    (name) => `\`${name === "weights" ? "fair_share" : name}\``,
  );
  return [...(environments.length === 0 ? [] : [`\`environments\` (${environments.join(", ")})`]), ...more];
}

const SECTIONS = [
  "permissions",
  "policies",
  "secrets",
  "pools",
  "weights",
  "divergence",
  "forks",
  "sandbox",
  "sigstore",
  "notify",
  "retention",
  "pipelines",
  "ledger",
] as const satisfies readonly (keyof Settings)[];
