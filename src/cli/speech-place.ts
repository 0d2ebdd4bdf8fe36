import type { Answer, PersonalForge, PullRequest } from "../forge/forge.ts";
import type { CommitSha, RunId } from "../identity/identity.ts";
import { promotionBranch } from "../release/release.ts";
import { safeLine } from "../report/safe-text.ts";
import type { ReleaseCommand } from "../trigger/command.ts";
import { environmentsOf } from "./environments.ts";
import { EXIT, Refusal } from "./exit.ts";
import type { Repository } from "./world.ts";

/** What the forge answered, or the end of the command with what to do. */
export function given<Value>(forge: PersonalForge, answer: Answer<Value>, command: Spoken): Value {
  switch (answer.kind) {
    case "ok":
      return answer.value;
    case "wait":
    case "unreachable":
      throw new Refusal(
        EXIT.later,
        `${forge.url} cannot be asked now: ${safeLine(answer.why)}\n  next: ${whileAway(command)}`,
      );
    case "not-found":
      throw new Refusal(
        EXIT.forbidden,
        `${forge.url} is not there, or this token does not see it\n  next: a token that may read the repository and comment on its pull requests`,
      );
    case "refused": {
      const forbidden = answer.status === 401 || answer.status === 403;
      throw new Refusal(
        forbidden ? EXIT.forbidden : EXIT.bad,
        `${forge.url} does not take it: ${safeLine(answer.why)}\n  next: ${forbidden ? "another token: it has to read the repository and comment on its pull requests" : `say it there yourself`}`,
      );
    }
    default:
      return answer satisfies never;
  }
}

type Spoken = Exclude<ReleaseCommand, { kind: "note" }>;

/** A rollback need not wait for the forge; nothing else can be done without it. */
function whileAway(command: Spoken): string {
  const later = "the same command again in a while";
  if (command.kind !== "rollback") return later;
  const { environment, pipeline, run } = command;
  const words = [environment, pipeline, run].filter((word) => word !== null);
  return `${later}; with a key of the service at hand: sluice rollback ${words.join(" ")} --offline`;
}

/** The pull request at which a command is said: what it approves, else one of the run that it is about. */
export async function placeOf(
  { forge, repository }: { readonly forge: PersonalForge; readonly repository: Repository },
  command: Spoken,
): Promise<PullRequest> {
  if (command.kind === "approve") return promotionToApprove(forge, command);
  const pipeline = "pipeline" in command ? command.pipeline : null;
  for (const commit of await sourcesOf(repository, { ...command, pipeline })) {
    const asked = await forge.pullRequestsOf(commit);
    // The ledger here may be of another time, or of another repository than the remote.
    const found = asked.kind === "not-found" || asked.kind === "refused" ? [] : given(forge, asked, command);
    const brought = found.find(({ merged }) => merged) ?? found[0];
    if (brought !== undefined) return brought;
  }
  const last =
    given(forge, await forge.lastMerged(), command) ?? given(forge, await forge.openPullRequests(), command)[0];
  if (last !== undefined) return last;
  throw new Refusal(
    EXIT.bad,
    `${forge.url} has no pull request to say it at: commands are comments\n  next: open a pull request, and try again`,
  );
}

async function promotionToApprove(
  forge: PersonalForge,
  command: Extract<Spoken, { kind: "approve" }>,
): Promise<PullRequest> {
  const { environment, pipeline } = command;
  const open = await forge.openPullRequests();
  given(forge, open, command);
  const found = promotionsAmong(open, environment, pipeline);
  const [only] = found;
  if (only === undefined)
    throw new Refusal(
      EXIT.bad,
      `no promotion of ${pipeline ?? "anything"} to ${environment} is open at ${forge.url}\n  next: sluice promote ${environment}${pipeline === null ? "" : ` ${pipeline}`}`,
    );
  if (found.length === 1) return only;
  const prefix = promotionBranch({ environment, pipeline: "" });
  const lines = found.map(
    ({ head, number }) => `  sluice approve ${environment} ${head.branch.slice(prefix.length)}  #${number}`,
  );
  throw new Refusal(EXIT.usage, [`more than one promotion to ${environment} is open: say which`, ...lines].join("\n"));
}

/** Promotions among open pull requests, none where those could not be read; a branch of that name by a person is none. */
export function promotionsAmong(
  open: Answer<readonly PullRequest[]>,
  environment: string,
  pipeline: string | null,
): readonly PullRequest[] {
  const prefix = promotionBranch({ environment, pipeline: pipeline ?? "" });
  const isOurs = (branch: string): boolean => (pipeline === null ? branch.startsWith(prefix) : branch === prefix);
  return (open.kind === "ok" ? open.value : []).filter(({ head, author }) => author.bot && isOurs(head.branch));
}

/** Commits of runs that a command is about as far as this ledger knows: what would be promoted, else what is live. */
async function sourcesOf(
  repository: Repository,
  {
    kind,
    environment,
    pipeline,
  }: { readonly kind: Spoken["kind"]; readonly environment: string; readonly pipeline: string | null },
): Promise<readonly CommitSha[]> {
  const ledger = await repository.ledger();
  const { history } = ledger;
  if (kind === "promote") {
    const [newest] = history.runs({ status: "succeeded", limit: 1, ...(pipeline === null ? {} : { pipeline }) });
    return newest === undefined ? [] : [newest.source];
  }
  const states = await environmentsOf(repository, ledger);
  const live = [...(states.get(environment)?.pipelines ?? [])].flatMap(([name, standing]): RunId[] =>
    standing.live === null || (pipeline !== null && name !== pipeline) ? [] : [standing.live.run],
  );
  const records = await Promise.all(live.map((run) => history.record(run)));
  return records.flatMap((record) => record?.source ?? []);
}
