import type { RunId } from "../identity/identity.ts";
import type { Paint } from "./paint.ts";
import { safeLine } from "./safe-text.ts";
import { counted, jsonDocument, listed, type ShortId } from "./words.ts";

/** What verification found; a run without findings is sound. */
export interface VerifyView {
  readonly runs: readonly {
    readonly run: RunId;
    readonly pipeline: string;
    /** Signed by a known key, or by nobody. */
    readonly verified: "signature" | "none";
    /** Who signed it keyless, `unchecked` where nobody said who is trusted. */
    readonly identity?: { readonly issuer: string; readonly subject: string } | "unchecked";
    readonly findings: readonly Finding[];
  }[];
  /** Findings about the ledger itself: its chain and its format. */
  readonly ledger: readonly Finding[];
  /** What was checked beside runs. */
  readonly others?: Others;
  /** Sigstore bundles of what is no run that nobody said whom to trust for; absent without any. */
  readonly unchecked?: Others;
}

interface Others {
  readonly events: number;
  readonly reproductions: number;
}

export interface Finding {
  readonly kind: string;
  /** One sentence without a trailing dot. */
  readonly sentence: string;
}

export function verifyText(
  view: VerifyView,
  { paint, shortId }: { readonly paint: Paint; readonly shortId: ShortId },
): string {
  const bad = view.runs.filter((run) => run.findings.length > 0);
  const unsigned = view.runs.filter((run) => run.findings.length === 0 && run.verified === "none");
  const sound = view.runs.length - bad.length;
  const lines = [
    ...view.ledger.map((finding) => `${paint.bad("✗")} ledger: ${safeLine(finding.sentence, 600)}`),
    ...bad.flatMap((run) =>
      run.findings.map(
        (finding) =>
          `${paint.bad("✗")} ${shortId(run.run)} ${safeLine(run.pipeline, 40)}: ${safeLine(finding.sentence, 600)}`,
      ),
    ),
    ...(unsigned.length > 0
      ? [
          `${paint.warn("!")} ${counted(unsigned.length, "run")} without a signature: digests hold, who wrote them is not proved`,
        ]
      : []),
  ];
  lines.push(...identityLines(view, paint));
  const sign = bad.length + view.ledger.length === 0 ? paint.good("✓") : " ";
  // Where one of them has a finding, it stands above.
  const others = view.ledger.length > 0 ? [] : countsOf(view.others);
  lines.push(
    view.runs.length === 0
      ? "No run is recorded yet"
      : `${sign} ${sound} of ${counted(view.runs.length, "run")} verified: digests, keys and statements hold`.trimStart(),
    ...(others.length === 0 ? [] : [`${paint.good("✓")} ${listed(others)} verified: whoever signed them is known`]),
  );
  return `${lines.join("\n")}\n`;
}

/** Whom Sigstore bundles name, each with the number of their runs. */
function identityLines({ runs, unchecked: others }: VerifyView, paint: Paint): readonly string[] {
  const by = new Map<string, number>();
  let unchecked = 0;
  for (const { identity } of runs) {
    if (identity === "unchecked") unchecked++;
    else if (identity !== undefined) {
      const who = `${identity.subject} (${identity.issuer})`;
      by.set(who, (by.get(who) ?? 0) + 1);
    }
  }
  const lines = [...by].map(
    ([who, count]) => `${paint.good("✓")} ${counted(count, "run")} signed keyless by ${safeLine(who, 300)}`,
  );
  const of = [...(unchecked === 0 ? [] : [counted(unchecked, "run")]), ...countsOf(others)];
  if (of.length === 0) return lines;
  const hint = "`sigstore:` in sluice.yaml says whose count, and by which trusted root";
  return [...lines, `${paint.warn("!")} Sigstore bundles of ${listed(of)} were not checked: ${hint}`];
}

function countsOf({ events, reproductions }: Others = { events: 0, reproductions: 0 }): readonly string[] {
  return [
    ...(events === 0 ? [] : [counted(events, "event")]),
    ...(reproductions === 0 ? [] : [counted(reproductions, "reproduction")]),
  ];
}

/** True when anything was found: the exit code is 1. */
export function isUnsound(view: VerifyView): boolean {
  return view.ledger.length > 0 || view.runs.some((run) => run.findings.length > 0);
}

/** The findings for programs, version 1. */
export function verifyJson(view: VerifyView): string {
  return jsonDocument({ sound: !isUnsound(view), ...view });
}
