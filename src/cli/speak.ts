import type { Comment, PersonalForge, PullRequest } from "../forge/forge.ts";
import { parseRunId } from "../identity/identity.ts";
import { wasNotPermitted } from "../policy/permission.ts";
import { answersIn } from "../report/plain-text.ts";
import { safeLine } from "../report/safe-text.ts";
import { parseCommand, type ReleaseCommand } from "../trigger/command.ts";
import { EXIT, Refusal } from "./exit.ts";
import { openRepository } from "./open-repository.ts";
import { selectRun } from "./select-run.ts";
import { given, placeOf, promotionsAmong } from "./speech-place.ts";
import type { Repository, World } from "./world.ts";

export interface SpeechFlags {
  readonly remote?: string;
  readonly wait?: string;
}

const POLL_MS = 1_000;
/** After 😕 the reason follows within this time: reaction and comment are two writes. */
const REASON_MS = 15_000;
const OPENED_MS = 10_000;

/**
 * Says a command on the forge in the name of the person at the keyboard and waits for the service's answer: the service
 * alone writes the ledger, by the permission that the person has there at that moment.
 */
export async function speak(world: World, words: readonly string[], flags: SpeechFlags): Promise<number> {
  const command = releaseCommand(`/sluice ${words.join(" ")}`);
  const waitMs = waitOf(flags.wait);
  const repository = await openRepository(world);
  const line = await lineOf(repository, command, words);
  const there = await world.openForge(repository, flags.remote);
  if (there.kind === "refused")
    throw new Refusal(
      there.reason === "usage" ? EXIT.usage : EXIT.forbidden,
      `${there.why}\n  next: ${there.next}; or comment on a pull request yourself: ${line}`,
    );
  const { forge } = there;
  const pull = await placeOf({ forge, repository }, command);
  const before = new Set((await botAnswers(forge, pull)).map(({ text }) => text));
  const comment = given(forge, await forge.say(pull.number, line), command);
  const url = `${forge.url}/pull/${pull.number}#issuecomment-${comment.id}`;
  if (comment.author.bot)
    throw new Refusal(
      EXIT.forbidden,
      `this token is of ${safeLine(comment.author.login)}, and commands of bots do not count: ${url}\n  next: export GH_TOKEN=<the token of a person>`,
    );
  world.terminal.say(`said as ${safeLine(comment.author.login)}: ${url}\n`);
  if (waitMs === 0) return EXIT.fine;
  const answer = await answerTo(world, { forge, comment, waitMs });
  if (world.terminal.interrupted.aborted) return EXIT.interrupted;
  if (answer === undefined) throw unanswered(waitMs, url);
  if (answer.accepted) return accepted(world, { forge, command, line });
  const reason = await reasonOf(world, { forge, pull, by: answer.by, before });
  if (reason === undefined) throw new Refusal(EXIT.bad, `refused\n  next: the reason stands at ${url}`);
  throw new Refusal(wasNotPermitted(reason) ? EXIT.forbidden : EXIT.bad, `refused: ${reason}\n  at: ${url}`);
}

function releaseCommand(line: string): Exclude<ReleaseCommand, { kind: "note" }> {
  if (/[\r\n\u2028\u2029]/.test(line))
    throw new Refusal(EXIT.usage, "a reason is one line\n  next: the same without line breaks");
  const parsed = parseCommand(line);
  if (parsed.kind === "refused")
    throw new Refusal(EXIT.usage, `${safeLine(parsed.why)}\n  next: ${parsed.next.replaceAll("/sluice", "sluice")}`);
  const { command } = parsed;
  if (!("environment" in command)) throw new Error(`${command.kind} is not said on the forge`);
  return command;
}

/** The service knows a run by its id; whatever else a person calls it is looked up here. */
async function lineOf(repository: Repository, command: ReleaseCommand, words: readonly string[]): Promise<string> {
  const run = "run" in command ? command.run : null;
  if (run === null || parseRunId(run) !== undefined) return `/sluice ${words.join(" ")}`;
  const { record } = await selectRun(repository, run);
  // Behind the verb, the environment and the pipeline.
  return `/sluice ${words.with(3, record.id).join(" ")}`;
}

function waitOf(text: string | undefined): number {
  const seconds = Number(text ?? "60");
  if (text?.trim() !== "" && Number.isFinite(seconds) && seconds >= 0 && seconds <= 3_600) return seconds * 1_000;
  throw new Refusal(EXIT.usage, "--wait is a number of seconds\n  next: --wait 60, or --wait 0 not to wait");
}

/**
 * The 🚀 or 😕 of whoever took the command with 👀: other bots react to comments too. Undefined: none in time. A forge
 * that is away for a moment is asked again.
 */
async function answerTo(
  { clock, terminal }: World,
  { forge, comment, waitMs }: { readonly forge: PersonalForge; readonly comment: Comment; readonly waitMs: number },
): Promise<{ readonly accepted: boolean; readonly by: string } | undefined> {
  const until = clock.now() + waitMs;
  for (;;) {
    const asked = await forge.reactions(comment.id);
    const told = asked.kind === "ok" ? asked.value.filter(({ by }) => by.bot) : [];
    const takers = new Set(told.filter(({ content }) => content === "eyes").map(({ by }) => by.login));
    const answer = told.find(
      ({ content, by }) => (content === "rocket" || content === "confused") && takers.has(by.login),
    );
    if (answer !== undefined) return { accepted: answer.content === "rocket", by: answer.by.login };
    if (clock.now() >= until || terminal.interrupted.aborted) return undefined;
    await clock.wait(POLL_MS, terminal.interrupted);
  }
}

function unanswered(waitMs: number, url: string): Refusal {
  return new Refusal(
    EXIT.later,
    `said, and not answered within ${waitMs / 1_000} s: the service is away or busy, and the command counts when it looks\n  next: look at ${url}; do not say it twice`,
  );
}

async function accepted(
  world: World,
  { forge, command, line }: { readonly forge: PersonalForge; readonly command: ReleaseCommand; readonly line: string },
): Promise<number> {
  const { terminal } = world;
  terminal.print(`accepted: ${safeLine(line.slice("/sluice ".length), 1_000)}\n`);
  if (command.kind === "promote" && command.breakGlass === null) {
    for (const { number, title } of await opened(world, forge, command))
      terminal.print(`open: ${safeLine(title)}  ${forge.url}/pull/${number}\n`);
  }
  terminal.say("next: git fetch origin sluice/ledger && sluice status\n");
  return EXIT.fine;
}

/** The promotion's own pull request comes soon after the answer, and never where nobody has to agree. */
async function opened(
  { clock, terminal }: World,
  forge: PersonalForge,
  { environment, pipeline }: { readonly environment: string; readonly pipeline: string | null },
): Promise<readonly PullRequest[]> {
  const until = clock.now() + OPENED_MS;
  for (;;) {
    const found = promotionsAmong(await forge.openPullRequests(), environment, pipeline);
    if (found.length > 0 || clock.now() >= until || terminal.interrupted.aborted) return found;
    await clock.wait(POLL_MS, terminal.interrupted);
  }
}

interface BotAnswer {
  readonly by: string;
  readonly text: string;
}

/** None where the forge is away for a moment: what was said stands, whether its answer can be read or not. */
async function botAnswers(forge: PersonalForge, { number }: PullRequest): Promise<readonly BotAnswer[]> {
  const comments = await forge.comments(number);
  return (comments.kind === "ok" ? comments.value : []).flatMap(({ author, body }) =>
    author.bot ? answersIn(body).map((text) => ({ by: author.login, text })) : [],
  );
}

/** What the service says in its comment; a refusal in the same words as one before is not written again. */
async function reasonOf(
  { clock, terminal }: World,
  {
    forge,
    pull,
    by,
    before,
  }: {
    readonly forge: PersonalForge;
    readonly pull: PullRequest;
    readonly by: string;
    readonly before: ReadonlySet<string>;
  },
): Promise<string | undefined> {
  const until = clock.now() + REASON_MS;
  for (;;) {
    const answers = (await botAnswers(forge, pull)).filter((one) => one.by === by).map(({ text }) => text);
    const fresh = answers.findLast((text) => !before.has(text));
    if (fresh !== undefined) return fresh;
    if (clock.now() >= until || terminal.interrupted.aborted) return answers.at(-1);
    await clock.wait(POLL_MS, terminal.interrupted);
  }
}
