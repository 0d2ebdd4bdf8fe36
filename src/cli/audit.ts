import type { CommitSha } from "../identity/identity.ts";
import type { LedgerEvent } from "../index/history.ts";
import { LEDGER_HEADER } from "../manifest/ledger-paths.ts";
import { auditEntries } from "../release/audit.ts";
import { eventSignaturePath } from "../release/release-event.ts";
import { safeLine } from "../report/safe-text.ts";
import { checkedEvents, type CheckedEvents } from "./checked-events.ts";
import { releaseAt } from "./environments-view.ts";
import { EXIT, Refusal } from "./exit.ts";
import { openRepository } from "./open-repository.ts";
import type { Repository, World } from "./world.ts";

const FORMATS = ["md", "json", "csv", "html"] as const;
export type AuditFormat = (typeof FORMATS)[number];

export interface AuditFlags {
  readonly from?: string;
  readonly to?: string;
  readonly format?: string;
}

/** `sluice audit`: what reached environments, by whom, on which evidence and with what; from git alone, offline. */
export async function audit(world: World, flags: AuditFlags): Promise<number> {
  const format = FORMATS.find((one) => one === (flags.format ?? "md"));
  if (format === undefined)
    throw new Refusal(EXIT.usage, `there is no format ${flags.format ?? ""}: there are ${FORMATS.join(", ")}`);
  const [from, to] = [instant(flags.from), instant(flags.to)];
  const repository = await openRepository(world);
  const ledger = await repository.ledger();
  const { ref } = ledger;
  const head = await repository.git.resolve(ref);
  if (head === undefined)
    throw new Refusal(EXIT.usage, "there is no ledger here\n  next: git fetch origin sluice/ledger, or sluice run");
  const checked = await checkedEvents(repository, ledger);
  if (checked.kind !== "ok") throw new Refusal(EXIT.bad, `${LEDGER_HEADER} cannot be read: ${checked.refusal}`);
  const { header, counted } = checked.value;
  const changed = await changedSince(repository, head, ledger.history.events());
  const refused = [...checked.value.refused, ...changed.filter(({ path }) => !isRefused(checked.value, path))];
  const signed = new Map(counted.map((one) => [one.event, one]));
  const entries = [];
  for (const entry of auditEntries([...signed.keys()], { from, to })) {
    const { commit, keyId } = signed.get(entry.event) ?? { commit: "", keyId: "" };
    const { run } = entry.event;
    const release = run === null ? null : ((await releaseAt({ repository, ledger }, run)) ?? null);
    entries.push({ ...entry, commit, keyId, release });
  }
  const reports = await import("../report/audit-report.ts");
  const write = { md: reports.auditMarkdown, json: reports.auditJson, csv: reports.auditCsv, html: reports.auditHtml };
  const named = { repository: header.repository, name: (await world.repositoryOnForge(repository)) ?? null };
  world.terminal.print(write[format]({ ...named, ledger: { ref, commit: head }, from, to, entries, refused }));
  // A table of events has no place for what is none.
  if (format === "csv")
    for (const { path, why } of refused) world.terminal.say(`${safeLine(path)}: ${safeLine(why)}\n`);
  return refused.length === 0 ? EXIT.fine : EXIT.bad;
}

function isRefused({ refused }: CheckedEvents, path: string): boolean {
  return refused.some((one) => one.path === path);
}

/** Events whose files are others by now than those that were read when they came: no commit of Sluice's changes one. */
async function changedSince(
  { git }: Pick<Repository, "git">,
  head: CommitSha,
  events: readonly LedgerEvent[],
): Promise<CheckedEvents["refused"]> {
  const paths = events.flatMap(({ path }) => [path, eventSignaturePath(path)]);
  const files = await git.files(head, paths);
  const isThere = (path: string, bytes: Uint8Array | undefined): boolean =>
    Buffer.compare(files.get(path) ?? new Uint8Array(), bytes ?? new Uint8Array()) === 0;
  return events.flatMap(({ path, payload, envelope }) =>
    isThere(path, payload) && isThere(eventSignaturePath(path), envelope)
      ? []
      : [{ path, why: "what a later commit made of this file; the event is counted as its own commit brought it" }],
  );
}

/** A day means its beginning, UTC; null: no bound. */
function instant(text: string | undefined): string | null {
  if (text === undefined) return null;
  const time = Date.parse(/^\d{4}-\d{2}-\d{2}$/.test(text) ? `${text}T00:00:00Z` : text);
  if (!Number.isFinite(time))
    throw new Refusal(EXIT.usage, `${text} is no date\n  next: sluice audit --from 2026-01-01 --to 2026-04-01`);
  return new Date(time).toISOString();
}
