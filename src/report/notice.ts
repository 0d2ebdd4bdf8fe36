import type { CommitSha, RunId } from "../identity/identity.ts";
import type { EnvironmentSettings } from "../pipeline/settings.ts";
import { isOfBranch, parentOf, type PastRun } from "../run/due-upstream.ts";
import { slotOf } from "../run/schedule-slots.ts";
import type { ReleaseEvent } from "../release/release-event.ts";
import { foldEvents, standingOf, type Request } from "../release/environment-state.ts";
import { safeLine } from "./safe-text.ts";
import { counted, type ShortId } from "./words.ts";

/** Something that a team wants to hear of although it looks at no pull request. */
export interface Notice {
  /** Names the fact: heard twice it is one notice. */
  readonly id: string;
  /** What it is in the words of `notify:`, the closest first. */
  readonly events: readonly string[];
  /** RFC 3339 UTC. */
  readonly at: string;
  readonly pipeline: string | null;
  readonly environment: string | null;
  readonly run: RunId | null;
  readonly commit: CommitSha | null;
  readonly text: string;
}

type EndedRun = PastRun & { readonly source: CommitSha; readonly finishedAt: string };

const BAD: ReadonlySet<string> = new Set(["failed", "refused"]);

/** What runs of branches give to tell; `runs` are the newest, newest first, and those that ended before `since` were told. */
export function runNotices(
  runs: readonly EndedRun[],
  { since, shortId }: { readonly since: number; readonly shortId: ShortId },
): readonly Notice[] {
  const byId = new Map(runs.map((run) => [run.id, run]));
  const find = (id: RunId): EndedRun | undefined => byId.get(id);
  const ended = runs.filter(
    (run) => (run.status === "succeeded" || BAD.has(run.status)) && isOfBranch(run, null, find),
  );
  return ended.flatMap((run, at) => {
    if (Date.parse(run.finishedAt) < since) return [];
    const { id, pipeline, source } = run;
    const cron = slotOf(rootOf(run, find).request)?.cron;
    const before = ended.slice(at + 1).find((one) => one.pipeline === pipeline);
    const about = { at: run.finishedAt, pipeline, environment: null, run: id, commit: source };
    const where = `run ${shortId(id)} at ${source.slice(0, 7)}`;
    if (BAD.has(run.status)) {
      const scheduled = cron === undefined ? "" : `scheduled (${cron}) `;
      const events = cron === undefined ? ["failed-run"] : ["failed-schedule", "failed-run"];
      return { ...about, id: `${run.status}/${id}`, events, text: `${pipeline}: ${scheduled}${where} ${run.status}` };
    }
    if (before === undefined || !BAD.has(before.status)) return [];
    const text = `${pipeline}: ${where} succeeded, after ${shortId(before.id)} ${before.status}`;
    return { ...about, id: `recovered/${id}`, events: ["recovered"], text };
  });
}

function rootOf(run: EndedRun, find: (id: RunId) => EndedRun | undefined): EndedRun {
  const parent = run.trigger === "retry" ? find(parentOf(run.request)) : undefined;
  return parent === undefined ? run : rootOf(parent, find);
}

/** What events of environments give to tell; `events` in the ledger's order. */
export function eventNotices(
  events: readonly ReleaseEvent[],
  of: {
    readonly isNews: (event: ReleaseEvent) => boolean;
    readonly shortId: ShortId;
    readonly environments: readonly EnvironmentSettings[];
  },
): readonly Notice[] {
  const states = foldEvents(events);
  return events.flatMap((event, at) => {
    if (!of.isNews(event)) return [];
    const { request } = standingOf(states.get(event.environment), event.pipeline ?? "");
    const said = sayingOf(event, { ...of, before: events.slice(0, at), request });
    if (said === undefined) return [];
    const { environment, pipeline, run } = event;
    const place = pipeline === null ? environment : `${environment}/${pipeline}`;
    const what = run === null ? "" : ` (run ${of.shortId(run)})`;
    return {
      id: `${said.event}/${place}/${event.cause}`,
      events: [said.event],
      at: event.at,
      pipeline,
      environment,
      run,
      commit: null,
      text: `${place}: ${said.text}${what}`,
    };
  });
}

export function divergenceNotice(of: {
  readonly commit: CommitSha;
  readonly number: number;
  /** Ms since 1970. */
  readonly at: number;
}): Notice {
  const { commit, number } = of;
  return {
    id: `divergence/${commit}`,
    events: ["divergence"],
    at: new Date(of.at).toISOString(),
    pipeline: null,
    environment: null,
    run: null,
    commit,
    text: `#${number}: its merge ${commit.slice(0, 7)} is not what was reviewed`,
  };
}

interface Around {
  readonly environments: readonly EnvironmentSettings[];
  readonly before: readonly ReleaseEvent[];
  /** What is asked for at the event's place by now. */
  readonly request: Request | null;
}

function sayingOf(
  event: ReleaseEvent,
  { environments, before, request }: Around,
): { readonly event: string; readonly text: string } | undefined {
  const by = `by ${event.by.login}`;
  const same = (one: ReleaseEvent): boolean => one.environment === event.environment && one.pipeline === event.pipeline;
  switch (event.kind) {
    case "released":
    case "forced":
      return { event: "released", text: `${event.kind} ${by}` };
    case "rolled-back":
      return { event: "rolled-back", text: `rolled back ${by}` };
    case "held":
      return { event: "held", text: `held ${by}${event.reason === null ? "" : `: ${safeLine(event.reason)}`}` };
    case "requested": {
      const count = environments.find(({ name }) => name === event.environment)?.approvals?.count ?? 0;
      // Whatever else asks for the same run asks for nothing new.
      const missing = request?.cause === event.cause ? count - request.approvals.length : 0;
      if (missing <= 0) return undefined;
      return { event: "waiting-for-approval", text: `asked for ${by}, waits for ${counted(missing, "approval")}` };
    }
    case "deployed": {
      const end = event.deployment?.end;
      const last = before.findLast((one) => one.kind === "deployed" && same(one))?.deployment?.end;
      if (end === "failed") return { event: "degraded", text: "the deployment failed, it is degraded" };
      if (end === "lost") return { event: "degraded", text: "nobody knows how the deployment ended" };
      return last === undefined || last === "succeeded" ? undefined : { event: "recovered", text: "deployed again" };
    }
    case "approved":
    case "revoked":
    case "unheld":
    case "noted":
      return undefined;
  }
}

/** The body of a notice, which Slack, Mattermost and their like take as it is: `text` is what they show, and it calls nobody. */
export function noticeBody(notice: Notice, of: { readonly event: string; readonly repository: string }): string {
  const { id, at, pipeline, environment, run, commit } = notice;
  const line = safeLine(`${of.repository} · ${notice.text}`, 500);
  const quiet = line.replaceAll("@", "@\u200B");
  const text = quiet.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
  const about = { repository: of.repository, pipeline, environment, run, commit };
  return JSON.stringify({ text, notice: 1, id, event: of.event, at, ...about });
}
