import { parseCommitSha, parseRunId, type RunId } from "../identity/identity.ts";
import { readProject } from "../controller/read-project.ts";
import type { History } from "../index/history.ts";
import { LOCAL_LEDGER } from "../manifest/ledger-paths.ts";
import { closest } from "../problem/suggest.ts";
import { fourCharacters } from "../report/words.ts";
import type { RunRecord } from "../run/run-record.ts";
import { EXIT, Refusal } from "./exit.ts";
import type { Ledger, Repository } from "./world.ts";

/** Commits of a branch that are looked at for one with a run. */
const FAR_BACK = 1_000;

/** A run, and the ledger that has it. */
export interface Selected {
  readonly record: RunRecord;
  readonly ledger: Ledger;
}

/**
 * The run that a person means: an id, a unique prefix of at least 4, a commit, a branch, `#12`, `latest` or an
 * environment (`prod`, `prod:digits`), tried in this order (INTERFACES §4). `~n` is the n-th before it: on the same
 * pipeline, and of an environment the n-th that was live there before. What ran here comes before what a service ran.
 */
export async function selectRun(repository: Repository, text: string): Promise<Selected> {
  const [, name, back] = /^(.+?)(?:~(\d+)?)?$/.exec(text) ?? [];
  if (name === undefined) throw new Refusal(EXIT.usage, "name a run\n  next: sluice log");
  const steps = text.endsWith("~") ? 1 : Number(back ?? 0);
  const ledgers = await ledgersOf(repository);
  const found = await find(repository, ledgers, name);
  if (found !== undefined) {
    const { ledger, id } = found;
    return recordOf([ledger], steps === 0 ? id : before(ledger.history, id, steps));
  }
  const { selectLive } = await import("./select-live.ts");
  const { environmentsOf } = await import("./environments.ts");
  const live = selectLive(await environmentsOf(repository, await repository.ledger()), { name, back: steps });
  if (live !== undefined) return recordOf(ledgers.toReversed(), live.run);
  throw unrecorded(repository, name) ?? (await unknown(repository, name));
}

/** A run that is accepted here and not recorded yet is there, and has nothing to show. */
function unrecorded({ accepted }: Repository, name: string): Refusal | undefined {
  const run = accepted.list().find(({ id }) => name === "latest" || (name.length >= 4 && id.startsWith(name)));
  if (run === undefined) return undefined;
  const short = fourCharacters(run.id);
  return accepted.holder() === undefined
    ? new Refusal(EXIT.usage, `run ${short} was interrupted and is not recorded yet\n  next: sluice run`)
    : new Refusal(EXIT.usage, `run ${short} is under way and not recorded yet\n  next: sluice logs -f ${short}`);
}

/** The local ledger, and the forge's where this clone has it. */
export async function ledgersOf(repository: Repository): Promise<readonly Ledger[]> {
  const shared = await repository.ledger();
  if (shared.ref === LOCAL_LEDGER) return [shared];
  return [{ ref: LOCAL_LEDGER, history: await repository.history() }, shared];
}

/** A run of the first ledger that has it. */
export async function recordOf(ledgers: readonly Ledger[], id: RunId): Promise<Selected> {
  for (const ledger of ledgers) {
    const record = await ledger.history.record(id);
    if (record !== undefined) return { record, ledger };
  }
  throw new Refusal(EXIT.usage, `run ${id} is not in the ledger\n  next: sluice cache rebuild`);
}

interface Found {
  readonly ledger: Ledger;
  readonly id: RunId;
}

async function find(repository: Repository, ledgers: readonly Ledger[], name: string): Promise<Found | undefined> {
  const known = byId(ledgers, name);
  if (known !== undefined) return known;
  const ways = [
    (history: History) => byRevision(repository, history, name),
    (history: History) => byPullRequest(history, name),
    (history: History) => (name === "latest" ? history.runs({ limit: 1 })[0]?.id : undefined),
  ];
  for (const way of ways) {
    for (const ledger of ledgers) {
      const id = await way(ledger.history);
      if (id !== undefined) return { ledger, id };
    }
  }
  return undefined;
}

function byId(ledgers: readonly Ledger[], name: string): Found | undefined {
  const whole = parseRunId(name);
  if (whole === undefined && (name.length < 4 || !/^[0-9a-z]+$/.test(name))) return undefined;
  const all = ledgers.flatMap((ledger) => ledger.history.byPrefix(name).map((id) => ({ ledger, id })));
  const found = all.filter(({ id }, at) => all.findIndex((one) => one.id === id) === at);
  if (found.length > 1) throw ambiguous(name, found);
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
        name,
        newest.map(({ id }) => ({ ledger: { history }, id })),
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

function ambiguous(
  name: string,
  found: readonly { readonly ledger: Pick<Ledger, "history">; readonly id: RunId }[],
): Refusal {
  const lines = found.slice(0, 10).map(({ ledger: { history }, id }) => {
    const run = history.runs({}).find((one) => one.id === id);
    return run === undefined
      ? `  ${id}`
      : `  ${shortIds(history)(id)}  ${run.pipeline}  ${run.status}  ${run.finishedAt}`;
  });
  const more = found.length > lines.length ? [`  and ${found.length - lines.length} more`] : [];
  return new Refusal(EXIT.usage, [`${name} could be any of`, ...lines, ...more].join("\n"));
}

async function unknown(repository: Repository, name: string): Promise<Refusal> {
  const [environment = name, pipeline] = name.split(":");
  const known = (await readProject({ cache: repository.cache }, repository.view)).settings.environments;
  const declared = known.some((one) => one.name === environment);
  if (pipeline !== undefined && !declared) {
    const names = known.map((one) => one.name).join(", ");
    return new Refusal(
      EXIT.usage,
      `there is no environment \`${environment}\` in sluice.yaml, and no run of that name\n  next: ${names === "" ? "sluice log shows the runs" : `known: ${names}`}`,
    );
  }
  const meant = closest(name, ["latest", ...known.map((one) => one.name)]);
  const next = declared
    ? `nothing is released in ${environment} as far as this ledger says; sluice log shows its runs`
    : name.startsWith("#")
      ? "runs of pull requests are in the service's ledger: git fetch origin sluice/ledger"
      : meant !== undefined
        ? `did you mean ${meant}?`
        : /^[0-9a-z]{1,3}$/.test(name)
          ? "of a run's id at least four characters are needed; sluice log shows them"
          : "sluice log";
  return new Refusal(EXIT.usage, `there is no run ${name}\n  next: ${next}`);
}

function before(history: History, id: RunId, back: number): RunId {
  const all = history.runs({});
  const start = all.find((run) => run.id === id);
  const same = all.filter((run) => run.pipeline === start?.pipeline);
  const at = same.findIndex((run) => run.id === id);
  const found = same[at + back];
  if (found !== undefined) return found.id;
  const count = same.length - 1 - at;
  const there = count <= 0 ? "no run is" : count === 1 ? "only one run is" : `only ${count} runs are`;
  throw new Refusal(
    EXIT.usage,
    `${there} recorded before run ${shortIds(history)(id)} of ${start?.pipeline ?? "its pipeline"}\n  next: sluice log`,
  );
}

/** Shows ids as short as they stay unique, from four characters on. */
export function shortIds(history: History): (id: RunId) => string {
  return (id) => {
    for (let length = 4; length < id.length; length++)
      if (history.byPrefix(id.slice(0, length)).length <= 1) return id.slice(0, length);
    return id;
  };
}
