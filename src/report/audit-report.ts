import type { AuditEntry } from "../release/audit.ts";
import type { Release } from "../release/release.ts";
import { codeSpan, markdownTable, markdownText } from "./escape-markdown.ts";
import { safeLine } from "./safe-text.ts";
import { jsonDocument } from "./words.ts";

/** A report of what reached environments, by whom, on which evidence and with what. */
export interface AuditView {
  /** As the ledger names it for ever. */
  readonly repository: string;
  /** As people know it; null where no remote of this clone tells. */
  readonly name: string | null;
  /** The ledger's ref and the commit that was read. */
  readonly ledger: { readonly ref: string; readonly commit: string };
  readonly from: string | null;
  readonly to: string | null;
  readonly entries: readonly (AuditEntry & {
    /** Null where the event is of no run, or its manifest is not in the ledger. */
    readonly release: Release | null;
    readonly commit: string;
    readonly keyId: string;
  })[];
  /** Events that count for nothing, with the reason. */
  readonly refused: readonly { readonly path: string; readonly why: string }[];
}

type Row = Readonly<Record<(typeof COLUMNS)[number], string>>;

const COLUMNS = [
  "at",
  "environment",
  "pipeline",
  "event",
  "run",
  "source",
  "requested_by",
  "approved_by",
  "evidence",
  "data",
  "parameters",
  "metrics",
  "artifacts",
  "manifest",
  "pull_request",
  "reason",
  "ledger_commit",
  "signed_by",
] as const;

function rowsOf({ entries }: AuditView): readonly Row[] {
  return entries.map(({ event, requestedBy, approvals, release, commit, keyId }) => ({
    at: event.at,
    environment: event.environment,
    pipeline: event.pipeline ?? "",
    event: event.deployment === null ? event.kind : `${event.kind} ${event.deployment.end}`,
    run: event.run ?? "",
    source: release?.source ?? "",
    requested_by: requestedBy.login,
    approved_by: approvals.map(({ by, at }) => `${by.login} at ${at}`).join("; "),
    evidence: event.evidence ?? "",
    data: (release?.data ?? []).map(({ name, digest }) => `${name} ${digest}`).join("; "),
    parameters: release === null ? "" : JSON.stringify(release.params),
    metrics: Object.entries(release?.metrics ?? {})
      .map(([name, value]) => `${name}=${value}`)
      .join("; "),
    artifacts: (release?.artifacts ?? []).map(({ path, digest }) => `${path} ${digest}`).join("; "),
    manifest: release?.manifest ?? "",
    pull_request: event.pullRequest === null ? "" : String(event.pullRequest),
    reason: reasonOf(event),
    ledger_commit: commit,
    signed_by: keyId,
  }));
}

/** Why, and of what was forced also what was passed over. */
function reasonOf({ reason, skipped = [] }: AuditEntry["event"]): string {
  const over = skipped.length === 0 ? [] : [`passed over: ${skipped.join("; ")}`];
  return [...(reason === null ? [] : [reason]), ...over].join(" · ");
}

export function auditJson(view: AuditView): string {
  const { repository, ledger, from, to, refused } = view;
  return jsonDocument({ repository, ledger, from, to, events: rowsOf(view), refused });
}

/** RFC 4180; a cell that a spreadsheet would take for a formula is quoted by an apostrophe. */
export function auditCsv(view: AuditView): string {
  const cell = (text: string): string => {
    const safe = /^[=+\-@\t\r]/.test(text) ? `'${text}` : text;
    return /[",\r\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
  };
  const lines = rowsOf(view).map((row) => COLUMNS.map((name) => cell(row[name])).join(","));
  return `${[COLUMNS.join(","), ...lines].join("\r\n")}\r\n`;
}

function period({ from, to }: AuditView): string {
  return `${from ?? "the beginning"} to ${to ?? "now"}`;
}

export function auditMarkdown(view: AuditView): string {
  const table = markdownTable(
    ["when", "where", "what", "run", "asked for by", "approved by", "metrics"],
    rowsOf(view).map((row) => [
      codeSpan(row.at),
      codeSpan(row.pipeline === "" ? row.environment : `${row.environment}/${row.pipeline}`),
      markdownText(row.reason === "" ? row.event : `${row.event}: ${row.reason}`),
      row.run === "" ? "–" : codeSpan(row.run),
      markdownText(row.requested_by),
      markdownText(row.approved_by) || "–",
      markdownText(row.metrics) || "–",
    ]),
  );
  const blocks = [
    `# Audit of ${codeSpan(titleOf(view))}, ${period(view)}`,
    `Read from ${codeSpan(view.ledger.ref)} at ${codeSpan(view.ledger.commit)}; the signature of each event below was checked.`,
    view.entries.length === 0 ? "Nothing reached an environment." : table,
    ...view.refused.map(({ path, why }) => `- **Not counted:** ${codeSpan(path)}: ${markdownText(why)}`),
  ];
  return `${blocks.join("\n\n")}\n`;
}

/** One page without scripts or anything to load, to be filed as it is. */
export function auditHtml(view: AuditView): string {
  const rows = rowsOf(view).map(
    (row) =>
      `<section><h2>${html(row.at)} · ${html(row.environment)}${row.pipeline === "" ? "" : `/${html(row.pipeline)}`} · ${html(row.event)}</h2><table>${COLUMNS.filter(
        (name) => row[name] !== "",
      )
        .map((name) => `<tr><th>${html(name.replace("_", " "))}</th><td>${html(row[name])}</td></tr>`)
        .join("")}</table></section>`,
  );
  const refused = view.refused.map(({ path, why }) => `<li><code>${html(path)}</code>: ${html(why)}</li>`);
  return `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta http-equiv="content-security-policy" content="default-src 'none'; style-src 'unsafe-inline'">
<title>Audit of ${html(titleOf(view))}</title><style>${STYLE}</style></head><body>
<h1>Audit of ${html(titleOf(view))}</h1>
<p>${html(period(view))}. Read from <code>${html(view.ledger.ref)}</code> at commit <code>${html(view.ledger.commit)}</code>. Each event below carries a signature that was checked offline.</p>
${rows.length === 0 ? "<p>Nothing reached an environment.</p>" : rows.join("\n")}
${refused.length === 0 ? "" : `<h2>Not counted</h2><ul>${refused.join("")}</ul>`}
</body></html>
`;
}

const STYLE =
  "body{font:15px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem;color:#1f2328}" +
  "h2{font-size:1.05rem;margin-top:2rem}table{border-collapse:collapse;width:100%}" +
  "th,td{border:1px solid #d1d9e0;padding:.3rem .6rem;text-align:left;vertical-align:top;overflow-wrap:anywhere}" +
  "th{width:9rem;background:#f6f8fa;font-weight:600}code{font-size:.9em}@media print{section{break-inside:avoid}}";

function html(text: string): string {
  return safeLine(text, 4_000)
    .replaceAll("&", "&amp;")
    .replaceAll("<", "&lt;")
    .replaceAll(">", "&gt;")
    .replaceAll('"', "&quot;");
}

function titleOf({ repository, name }: AuditView): string {
  return name === null ? repository : `${name} (${repository})`;
}
