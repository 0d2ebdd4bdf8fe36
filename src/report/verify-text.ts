import type { RunId } from "../identity/identity.ts";
import type { Paint } from "./paint.ts";
import { safeLine } from "./safe-text.ts";
import { counted, jsonDocument, type ShortId } from "./words.ts";

/** What verification found; a run without findings is sound. */
export interface VerifyView {
  readonly runs: readonly {
    readonly run: RunId;
    readonly pipeline: string;
    /** Signed by a known key, or by nobody. */
    readonly verified: "signature" | "none";
    readonly findings: readonly Finding[];
  }[];
  /** Findings about the ledger itself: its chain and its format. */
  readonly ledger: readonly Finding[];
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
    ...view.ledger.map((finding) => `${paint.bad("✗")} ledger: ${safeLine(finding.sentence, 300)}`),
    ...bad.flatMap((run) =>
      run.findings.map(
        (finding) =>
          `${paint.bad("✗")} ${shortId(run.run)} ${safeLine(run.pipeline, 40)}: ${safeLine(finding.sentence, 300)}`,
      ),
    ),
    ...(unsigned.length > 0
      ? [
          `${paint.warn("!")} ${counted(unsigned.length, "run")} without a signature: digests hold, who wrote them is not proved`,
        ]
      : []),
  ];
  const sign = bad.length + view.ledger.length === 0 ? paint.good("✓") : " ";
  lines.push(
    view.runs.length === 0
      ? "No run is recorded yet"
      : `${sign} ${sound} of ${counted(view.runs.length, "run")} verified: digests, keys and statements hold`.trimStart(),
  );
  return `${lines.join("\n")}\n`;
}

/** True when anything was found: the exit code is 1. */
export function isUnsound(view: VerifyView): boolean {
  return view.ledger.length > 0 || view.runs.some((run) => run.findings.length > 0);
}

/** The findings for programs, version 1. */
export function verifyJson(view: VerifyView): string {
  return jsonDocument({ sound: !isUnsound(view), ...view });
}
