import { parseCommitSha, parseRunId, type RunId } from "../identity/identity.ts";
import { readProject } from "../controller/read-project.ts";
import type { History } from "../index/history.ts";
import type { RunRecord } from "../run/run-record.ts";
import { EXIT, Refusal } from "./exit.ts";
import type { Repository } from "./world.ts";

/** Commits of a branch that are looked at for one with a run. */
const FAR_BACK = 1_000;

/**
 * The run that a person means: an id, a unique prefix of at least 4, a commit, a branch, `#12`, `latest` or an
 * environment, each with `~n` for the n-th before it on the same pipeline; tried in this order (INTERFACES §4).
 */
export async function selectRun(repository: Repository, history: History, text: string): Promise<RunRecord> {
  const [, name, back] = /^(.+?)(?:~(\d+)?)?$/.exec(text) ?? [];
  if (name === undefined) throw new Refusal(EXIT.usage, "name a run\n  next: sluice log");
  const id = await find(repository, history, name);
  const steps = text.endsWith("~") ? 1 : Number(back ?? 0);
  const record = await history.record(steps === 0 ? id : before(history, id, steps));
  if (record === undefined)
    throw new Refusal(EXIT.usage, `run ${name} is not in the ledger\n  next: sluice cache rebuild`);
  return record;
}

async function find(repository: Repository, history: History, name: string): Promise<RunId> {
  const found =
    byId(history, name) ??
    (await byRevision(repository, history, name)) ??
    (await byPullRequest(history, name)) ??
    (name === "latest" ? history.runs({ limit: 1 })[0]?.id : undefined);
  if (found !== undefined) return found;
  throw new Refusal(EXIT.usage, `there is no run ${name}\n  next: ${await nextFor(repository, name)}`);
}

function byId(history: History, name: string): RunId | undefined {
  const whole = parseRunId(name);
  if (whole !== undefined && history.byPrefix(whole).length > 0) return whole;
  if (name.length < 4 || !/^[0-9a-z]+$/.test(name)) return undefined;
  const found = history.byPrefix(name);
  if (found.length > 1) throw ambiguous(history, name, found);
  return found[0];
}

/** The newest run of a commit, or of the newest commit of a branch that has one; of one pipeline only. */
async function byRevision(repository: Repository, history: History, name: string): Promise<RunId | undefined> {
  const commit = parseCommitSha(name) ?? (await repository.git.resolve(name));
  if (commit === undefined) return undefined;
  const runs = history.runs({});
  const branch = (await repository.git.resolve(`refs/heads/${name}`)) === commit;
  const commits = branch ? await repository.git.firstParents(commit, FAR_BACK) : [commit];
  for (const one of commits) {
    const there = runs.filter((run) => run.source === one);
    const newest = there.filter((run, at) => there.findIndex(({ pipeline }) => pipeline === run.pipeline) === at);
    if (newest.length > 1)
      throw ambiguous(
        history,
        name,
        newest.map(({ id }) => id),
      );
    if (newest[0] !== undefined) return newest[0].id;
  }
  return undefined;
}

async function byPullRequest(history: History, name: string): Promise<RunId | undefined> {
  const number = /^#(\d+)$/.exec(name)?.[1];
  if (number === undefined) return undefined;
  for (const { id, trigger } of history.runs({})) {
    if (trigger === "local" || trigger === "schedule") continue;
    if ((await history.record(id))?.pullRequest === Number(number)) return id;
  }
  return undefined;
}

function ambiguous(history: History, name: string, ids: readonly RunId[]): Refusal {
  const runs = new Map(history.runs({}).map((run) => [run.id, run]));
  const short = shortIds(history);
  const lines = ids.slice(0, 10).map((id) => {
    const run = runs.get(id);
    return run === undefined ? `  ${id}` : `  ${short(id)}  ${run.pipeline}  ${run.status}  ${run.finishedAt}`;
  });
  const more = ids.length > lines.length ? [`  and ${ids.length - lines.length} more`] : [];
  return new Refusal(EXIT.usage, [`${name} could be any of`, ...lines, ...more].join("\n"));
}

async function nextFor(repository: Repository, name: string): Promise<string> {
  const environment = /^([^:]+)(?::.+)?$/.exec(name)?.[1] ?? name;
  const known = (await readProject({ cache: repository.cache }, repository.view)).settings.environments;
  if (known.some((one) => one.name === environment))
    return `nothing is released in ${environment} as far as this ledger says; sluice log shows its runs`;
  if (name.startsWith("#")) return "runs of pull requests are in the service's ledger: git fetch origin sluice/ledger";
  return "sluice log";
}

function before(history: History, id: RunId, back: number): RunId {
  const all = history.runs({});
  const start = all.find((run) => run.id === id);
  const same = all.filter((run) => run.pipeline === start?.pipeline);
  const at = same.findIndex((run) => run.id === id) + back;
  const found = same[at];
  if (found === undefined)
    throw new Refusal(EXIT.usage, `there are only ${at - back} runs before it\n  next: sluice log`);
  return found.id;
}

/** Shows ids as short as they stay unique, from four characters on. */
export function shortIds(history: History): (id: RunId) => string {
  return (id) => {
    for (let length = 4; length < id.length; length++)
      if (history.byPrefix(id.slice(0, length)).length <= 1) return id.slice(0, length);
    return id;
  };
}
