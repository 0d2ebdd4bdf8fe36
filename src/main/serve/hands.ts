import { sendDesired } from "../../controller/send-desired/send-desired.ts";
import type { RepositoryRef } from "../../identity/repository.ts";
import { again, DONE, wake, type At } from "./at.ts";
import { collectStore } from "./collect.ts";
import { button, command, recheck } from "./command.ts";
import { tellCommit } from "./commit.ts";
import { installationChanged, lookEverywhere } from "./everywhere.ts";
import { joined } from "./joined.ts";
import { look } from "./look.ts";
import { sendWaitingNotices } from "./notices.ts";
import { promotions } from "../release/promotions.ts";
import { reportMergeGroup, reportOpen } from "./pull-request.ts";
import { takeRun } from "../run/run-hand.ts";
import type { Service } from "./parts.ts";
import { turns } from "./turns.ts";
import type { Followers } from "../../queue/followers.ts";
import type { Performed, Queue } from "../../queue/queue.ts";
import type { Trigger } from "../../trigger/trigger.ts";
import type { Hands } from "../../worker.ts";

/** The doors' hands on a service: each trigger leads to one verb, and what that decides to the queue. */
export function composeHands(service: Service, queue: Queue, followers: Pick<Followers, "of">): Hands {
  const at: At = {
    service,
    queue,
    inTurn: turns({ leases: queue.leases, clock: service.parts.clock }),
    reports: joined(),
    whole: new Map(),
    followers,
  };
  return {
    handle: (trigger) => handle(at, trigger),
    run: (repository, run, signal) =>
      takeRun(at, repository, {
        ...run,
        signal,
        report: (number) => report(at, repository, number),
        tell: async (commit) =>
          tellCommit(at, await service.repository(repository), {
            commit,
            standing: [],
          }),
      }),
    send: (installation) => send(at, installation),
    notify: (repository) => alone(at, `notices-${repository.id}`, (lost) => sendWaitingNotices(at, repository, lost)),
  };
}

async function handle(at: At, trigger: Trigger): Promise<Performed> {
  switch (trigger.kind) {
    case "pull-request":
      return report(at, trigger.repository, trigger.number);
    case "command":
      return command(at, trigger);
    case "recheck":
      return recheck(at, trigger);
    case "button":
      return button(at, trigger);
    case "merge-group":
      return reportMergeGroup(at, trigger);
    case "reconcile":
      return look(at, trigger.repository);
    case "promotions":
      return promotions(at, await at.service.repository(trigger.repository));
    case "installation":
      return installationChanged(at, trigger);
    case "everywhere":
      return lookEverywhere(at);
    case "collect":
      return collectStore(at);
    default:
      return trigger satisfies never;
  }
}

async function report(at: At, ref: RepositoryRef, number: number): Promise<Performed> {
  const reported = await reportOpen(at, ref, number);
  if (reported !== "over") return reported;
  await wake(at, {
    kind: "reconcile",
    repository: ref,
    because: "a pull request was closed",
  });
  return DONE;
}

/** Two senders would each see no comment and make one. */
function send(at: At, installation: number): Promise<Performed> {
  return alone(at, `outbox-${installation}`, async (lost) => {
    const { forges, clock, spend, onError } = at.service.parts;
    const sent = await sendDesired({ table: at.queue.table, forges, clock, spend, lost }, installation);
    for (const { target, why } of sent.notTaken) onError(new Error(`the forge does not take ${target}: ${why}`));
    return sent.kind === "again" ? again(sent.afterMs) : DONE;
  });
}

/** Whoever was killed while sending holds the others up for no longer than this. */
const SENDER_MS = 15_000;

/** One sender at a time under a name, as long as it looks at whether it was lost. */
async function alone({ queue }: At, name: string, work: (lost: AbortSignal) => Promise<Performed>): Promise<Performed> {
  const lease = await queue.leases.acquire(name, {
    ttlMs: SENDER_MS,
    holder: String(process.pid),
  });
  if (lease === undefined) return again(1_000);
  try {
    return await work(lease.lost);
  } finally {
    await lease.release();
  }
}
