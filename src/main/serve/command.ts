import { answerCommand } from "../../controller/answer-command/answer-command.ts";
import type { Asking } from "../../controller/answer-command/answering.ts";
import { leaveToRun } from "../../controller/answer-command/leave-to-run.ts";
import { domainOf, planPullRequest } from "../../controller/plan-pull-request.ts";
import { PLAN_CHECK } from "../../controller/project.ts";
import type { Desired } from "../../forge/desired.ts";
import { againAfter, isNotNow } from "../../forge/looked.ts";
import { isOfFork, type CommitSha } from "../../identity/identity.ts";
import type { RepositoryRef } from "../../identity/repository.ts";
import { answeredTable, keepAnswers } from "./answers.ts";
import { DONE, wake, type At } from "./at.ts";
import { tellCommit } from "./commit.ts";
import type { ForgeRepository } from "./forge-repository.ts";
import { look } from "./look.ts";
import { acceptAndEnqueue, stopAll } from "../run/orders.ts";
import { inPromotionsTurn } from "../release/promotions.ts";
import { performOnce, type Deed } from "./perform-once.ts";
import { reportOpen } from "./pull-request.ts";
import { releaseCommand } from "../release/release-command.ts";
import { restoreByButton } from "../release/restore.ts";
import { retriesAt } from "../run/retry.ts";
import { tellDiff, tellExplanation } from "./tell.ts";
import type { Performed } from "../../queue/queue.ts";
import { parseCommand, type ParsedCommand } from "../../trigger/command.ts";
import { closedAnswer } from "../../report/closed-answer.ts";
import type { Trigger } from "../../trigger/trigger.ts";
import { desire } from "../../worker.ts";

export async function command(at: At, trigger: Extract<Trigger, { kind: "command" }>): Promise<Performed> {
  const { repository: ref, comment, number, text, sender } = trigger;
  const asking = { sender, request: `comment:${comment}`, comment: { id: comment, line: text }, head: null };
  // Noticed twice, by its delivery and by looking: after a push it would be taken for the new head as well.
  return once(at, ref, String(comment), () =>
    ask(at, ref, { number, asking, parsed: parseCommand(text), quiet: false }),
  );
}

/** Where what a deed led to is told: at a pull request, at a commit. */
type Told = { readonly number: number | null; readonly commit: CommitSha | null };

function once(at: At, ref: RepositoryRef, word: string, deed: () => Promise<Deed<Told>>): Promise<Performed> {
  return performOnce({ table: at.queue.table, name: answeredTable(ref), word }, deed, async ({ number, commit }) => {
    const reported = number === null ? "over" : await reportOpen(at, ref, number);
    return reported === "over" ? toldOfCommit(at, await at.service.repository(ref), commit) : reported;
  });
}

const NOTHING: Deed<Told> = { kind: "did", tell: null };

const BUTTON_COMMANDS: Readonly<Record<string, ParsedCommand>> = Object.fromEntries(
  ["plan", "run", "cancel", "retry"].map((word) => [word, parseCommand(`/sluice ${word}`)]),
);

/** A button says what its words say, for the head that it was shown for, by the permission of who pressed it. */
export async function button(at: At, trigger: Extract<Trigger, { kind: "button" }>): Promise<Performed> {
  const { repository: ref, sender, delivery, head } = trigger;
  if (trigger.action === "restore") return restoreByButton(at, ref, { head, sender });
  const parsed = BUTTON_COMMANDS[trigger.action];
  if (parsed === undefined) return DONE;
  const asking = { sender, request: `button:${delivery}`, comment: null, head };
  return pressed(at, ref, { head, parsed, asking, quiet: false });
}

/** A delivery is kept only until all of it is told: it does not come again by looking. */
async function pressed(at: At, ref: RepositoryRef, asked: AskedAt): Promise<Performed> {
  const { request } = asked.asking;
  const performed = await once(at, ref, request, () => ofCommit(at, ref, asked));
  if (performed.kind === "done") await at.queue.table.remove(answeredTable(ref), request);
  return performed;
}

/** A check that is wanted again: the plan is told once more; runs that failed, or wait for a person, are started. */
export async function recheck(at: At, trigger: Extract<Trigger, { kind: "recheck" }>): Promise<Performed> {
  const { repository: ref, head, check, sender, delivery } = trigger;
  await forget(at, ref, head);
  const onlyPlan = check === PLAN_CHECK || sender === null || sender.bot;
  const parsed = parseCommand(onlyPlan ? "/sluice plan" : "/sluice retry");
  const from = sender ?? { id: 0, login: "", bot: true };
  const asking = { sender: from, request: `button:${delivery}`, comment: null, head };
  return pressed(at, ref, { head, parsed, asking, quiet: true });
}

/** GitHub shows a check that is wanted again as queued: what was sent before is sent once more. */
async function forget({ queue }: At, ref: RepositoryRef, head: CommitSha): Promise<void> {
  const memory = `sent/${ref.installation}`;
  for (const { key } of await queue.table.entries(memory))
    if (key.startsWith(`${ref.id}/check/${head}/`)) await queue.table.remove(memory, key);
}

interface AskedAt {
  readonly head: CommitSha;
  readonly parsed: ParsedCommand;
  readonly asking: Asking;
  /** Nobody waits for words. */
  readonly quiet: boolean;
}

async function ofCommit(at: At, ref: RepositoryRef, { head, parsed, asking, quiet }: AskedAt): Promise<Deed<Told>> {
  const repository = await at.service.repository(ref);
  const asked = await repository.forge.pullRequestsOf(head);
  const now = at.service.parts.clock.now();
  if (isNotNow(asked)) return later(againAfter(asked, now));
  const listed = asked.kind === "ok" ? asked.value : [];
  const open = listed.length > 0 ? undefined : await repository.forge.openPullRequests();
  if (isNotNow(open)) return later(againAfter(open, now));
  // Asked about a commit of a fork, GitHub does not name the pull request that it came with.
  const pulls = open?.kind === "ok" ? open.value.filter((one) => one.head.sha === head) : listed;
  const mine = pulls.find((one) => one.state === "open") ?? pulls.find((one) => one.mergeCommit === head);
  if (mine === undefined) return ofBareCommit(at, ref, { head, parsed, asking, quiet });
  return ask(at, ref, { number: mine.number, asking: { ...asking, head: mine.merged ? null : head }, parsed, quiet });
}

/** A commit that no pull request brought: its runs can be started again, and it has no comment to answer in. */
async function ofBareCommit(at: At, ref: RepositoryRef, { head, parsed, asking }: AskedAt): Promise<Deed<Told>> {
  const repository = await at.service.repository(ref);
  if (parsed.kind === "command" && parsed.command.kind === "retry" && !asking.sender.bot) {
    const { login } = asking.sender;
    const ports = { forge: repository.forge, clock: at.service.parts.clock, rules: () => repository.rules() };
    const leave = await leaveToRun(ports, { login, command: "/sluice retry", strangers: false });
    if (leave.kind === "later") return later(leave.afterMs);
    const word = asking.request.slice(asking.request.indexOf(":") + 1);
    const of = { commit: head, pullRequest: null, domain: null, by: login, word };
    const orders = leave.kind === "granted" ? await retriesAt(at, repository, of) : [];
    for (const order of orders) await acceptAndEnqueue(at, repository, order);
  }
  return { kind: "did", tell: { number: null, commit: head } };
}

function later(afterMs: number): Extract<Deed<Told>, { kind: "again" }> {
  return { kind: "again", afterMs };
}

interface Question {
  readonly number: number;
  readonly asking: Asking;
  readonly parsed: ParsedCommand;
  readonly quiet: boolean;
}

async function ask(at: At, ref: RepositoryRef, { number, asking, parsed, quiet }: Question): Promise<Deed<Told>> {
  const repository = await at.service.repository(ref);
  const { forge } = repository;
  const found = await forge.pullRequest(number);
  if (isNotNow(found)) return later(againAfter(found, at.service.parts.clock.now()));
  if (found.kind !== "ok") return NOTHING;
  const pullRequest = found.value;
  const merged = pullRequest.state === "closed" ? pullRequest.mergeCommit : null;
  const domain = merged === null ? domainOf(pullRequest, forge) : null;
  const plan = () => planPullRequest(repository, number);
  const retries = (by: string) =>
    pullRequest.state === "closed" && merged === null
      ? Promise.resolve([])
      : retriesAt(at, repository, {
          commit: merged ?? pullRequest.head.sha,
          pullRequest: merged === null ? number : null,
          domain,
          by,
          word: asking.request.slice(asking.request.indexOf(":") + 1),
        });
  const release = async (by: string): Promise<number | "later"> => {
    if (merged === null) return 0;
    const looked = await look(at, ref, { commit: merged, by });
    return looked.kind === "done" ? (looked.started ?? 0) : "later";
  };
  const { comment } = asking;
  const answered = await answerCommand(
    {
      forge,
      clock: at.service.parts.clock,
      fork: domain !== null && isOfFork(domain),
      head: pullRequest.state === "open" ? pullRequest.head.sha : null,
      async seen() {
        if (comment === null) return;
        await desire(at.queue, ref.installation, [{ kind: "reaction", comment: comment.id, content: "eyes" }], ref);
      },
      plan,
      rules: () => repository.rules(),
      accept: (order) => acceptAndEnqueue(at, repository, order),
      cancel: () => stopAll(at, repository, { number, why: "cancelled" }),
      retries,
      release,
      diff: (against) => tellDiff(repository, { number, against }),
      explain: async (step) => tellExplanation(await plan(), step),
      async environments(asked) {
        if (comment === null) return { kind: "refused", why: "a button asks nothing of environments" };
        const from = { sender: asking.sender, comment: comment.id, pullRequest: number };
        const answer = await inPromotionsTurn(at, ref, (lost) =>
          releaseCommand({ service: at.service, repository }, { ...from, lost }, asked),
        );
        // What was asked for may be all that was waited for.
        if (answer.kind === "done") await wake(at, { kind: "promotions", repository: ref });
        return answer;
      },
    },
    asking,
    parsed,
  );
  if (answered.again !== null) return later(answered.again);
  if (!answered.counts) return NOTHING;
  const head = merged ?? pullRequest.head.sha;
  if (!quiet) await keepAnswers(at, ref, { number, head }, answered);
  const over = pullRequest.state === "closed" && merged === null && comment !== null;
  const told = over ? closedAnswer(comment.id, answered) : undefined;
  const states: readonly Desired[] = told === undefined ? [] : [{ kind: "comment", number, ...told, once: true }];
  await desire(at.queue, ref.installation, [...answered.states, ...states], ref);
  return { kind: "did", tell: { number, commit: merged } };
}

/** What the answer led to is told on the commit, where there is one, and the rest is found by the next look. */
async function toldOfCommit(at: At, repository: ForgeRepository, commit: CommitSha | null): Promise<Performed> {
  await wake(at, { kind: "reconcile", repository: repository.forge.repository, because: "somebody asked" });
  return commit === null ? DONE : tellCommit(at, repository, { commit, standing: [], asked: true });
}
