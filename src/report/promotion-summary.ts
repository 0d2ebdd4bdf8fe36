import { formatMetric } from "../diff/number.ts";
import type { Decision } from "../release/decide.ts";
import type { Approval } from "../release/environment-state.ts";
import type { GateOutcome } from "../release/evidence.ts";
import { pinPath, type Release } from "../release/release.ts";
import { codeSpan, markdownTable, markdownText } from "./escape-markdown.ts";
import { releaseChanges } from "./release-changes.ts";
import { safeLine } from "./safe-text.ts";

/** What a promotion pull request shows; time is no part of it, so that it changes only with its evidence. */
export interface PromotionView {
  readonly environment: string;
  readonly candidate: Release;
  readonly live: Release | null;
  readonly gates: readonly GateOutcome[];
  readonly evidence: string;
}

/** A decision with everybody whose word does not count, whenever that was found. */
export type ToldDecision = Pick<Decision, "kind" | "waits" | "approvedBy"> & {
  readonly voids: readonly {
    readonly approval: Pick<Approval, "by">;
    readonly why: string;
  }[];
  /** Why the forge does not merge what nothing of ours stands against. */
  readonly refused?: string;
};

export function promotionTitle({ environment, candidate }: Pick<PromotionView, "environment" | "candidate">): string {
  return safeLine(`Promote ${candidate.pipeline} to ${environment}: run ${candidate.run.slice(0, 8)}`);
}

/** What is missing first, then live against candidate, the gates, what changes, and how one agrees. */
export function promotionBody(view: PromotionView, decision: ToldDecision | null): string {
  const { environment, candidate, live, gates } = view;
  const from = live === null ? "nothing is live yet" : `live is run ${codeSpan(live.run)} of ${short(live.source)}`;
  const parts = [
    `### Promote ${codeSpan(candidate.pipeline)} to ${codeSpan(environment)}${headline(decision)}`,
    (decision?.waits ?? []).map(({ why, out }) => `- ${markdownText(why)}; ${markdownText(out)}`).join("\n"),
    approvedLine(decision),
    `Run ${codeSpan(candidate.run)} of ${short(candidate.source)}; ${from}.`,
    metricTable(candidate, live),
    gateTable(gates),
    releaseChanges(candidate, live),
    nextLine(environment, decision),
    `<sub>evidence ${codeSpan(view.evidence.slice(0, 19))} · changes ${codeSpan(
      pinPath({ environment, pipeline: candidate.pipeline }),
    )} and nothing else</sub>`,
  ];
  return parts.filter((part) => part !== "").join("\n\n");
}

/** Whoever is asked for something that is there already would look for what is wrong with it. */
function nextLine(environment: string, decision: ToldDecision | null): string {
  if (decision?.waits.length === 0)
    return "**Next:** nobody has to do anything: it is merged by itself. Where the forge does not merge it, the check says why.";
  if (decision !== null && !decision.waits.some(({ kind }) => kind === "approvals"))
    return "**Next:** what is still missing stands above and in the check. It is merged by itself when nothing is.";
  return (
    `**Next:** whoever may approve adds the label ${codeSpan(`approve:${environment}`)} or approves by a review; ` +
    "what is still missing stands in the check. It is merged by itself when nothing is."
  );
}

function headline(decision: ToldDecision | null): string {
  if (decision === null) return "";
  const [first, ...more] = decision.waits;
  if (first === undefined) return " · nothing stands against it";
  return ` · ${markdownText(first.why)}${more.length === 0 ? "" : `, and ${more.length} more`}`;
}

/** Who agreed, and whose word does not count, with the reason. */
function approvedLine(decision: ToldDecision | null): string {
  if (decision === null) return "";
  const by = decision.approvedBy.map(({ login }) => markdownText(login));
  const lines = [
    ...(by.length === 0 ? [] : [`Approved by ${by.join(", ")}.`]),
    ...decision.voids.map(
      ({ approval, why }) =>
        `- the approval of ${markdownText(approval.by.login)} does not count: ${markdownText(why)}`,
    ),
  ];
  return lines.join("\n");
}

/** What the check says in its title, and in its summary. */
export function promotionStatus(
  { environment, candidate }: Pick<PromotionView, "environment" | "candidate">,
  decision: ToldDecision | null,
): {
  readonly conclusion: "success" | "failure" | null;
  readonly title: string;
  readonly summary: string;
} {
  if (decision === null)
    return {
      conclusion: "failure",
      title: "changed by hand: it is not merged",
      summary:
        `Only ${codeSpan(pinPath({ environment, pipeline: candidate.pipeline }))} may differ here, by the bytes that ` +
        "Sluice writes. **Next:** to put that back, press *Restore* or comment " +
        `${codeSpan(`/sluice promote ${environment} ${candidate.pipeline}`)}; approvals are then given anew.`,
    };
  const [first, ...more] = decision.waits;
  const voids = decision.voids.map(
    ({ approval, why }) => `- the approval of ${markdownText(approval.by.login)} does not count: ${markdownText(why)}`,
  );
  if (first === undefined && decision.refused !== undefined)
    return {
      // Rules may ask for this very check.
      conclusion: "success",
      title: safeLine(`the forge does not merge it: ${decision.refused}`),
      summary:
        `Nothing stands against it here, and the forge refuses: ${markdownText(decision.refused)}. ` +
        "**Next:** do what it asks for, or let this App past that rule of the branch; it is tried again until then.",
    };
  if (first === undefined)
    return {
      conclusion: "success",
      title: "nothing stands against it",
      summary: "It is merged now.",
    };
  const waits = decision.waits.map(({ why, out }) => `- ${markdownText(why)}; ${markdownText(out)}`);
  return {
    conclusion: null,
    title: safeLine(more.length === 0 ? first.why : `${first.why}, and ${more.length} more`),
    summary: [...waits, ...voids].join("\n"),
  };
}

function metricTable({ metrics }: Release, live: Release | null): string {
  const names = Object.keys(metrics);
  if (names.length === 0) return "";
  const rows = names.map((name) => {
    const [value, before] = [metrics[name], live?.metrics[name]];
    return [
      markdownText(name),
      before === undefined ? "–" : markdownText(formatMetric(before)),
      value === undefined ? "–" : `**${markdownText(formatMetric(value))}**`,
    ];
  });
  return ["| metric | live | candidate |", "|---|---:|---:|", ...rows.map((row) => `| ${row.join(" | ")} |`)].join(
    "\n",
  );
}

function gateTable(gates: readonly GateOutcome[]): string {
  if (gates.length === 0) return "";
  const rows = gates.map(({ source, outcome, why }) => [
    codeSpan(source),
    outcome === "not-applicable" ? "not applicable" : outcome,
    markdownText(why),
  ]);
  return markdownTable(["gate", "outcome", "why"], rows);
}

function short(commit: string): string {
  return codeSpan(commit.slice(0, 7));
}
