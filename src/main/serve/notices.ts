import type { Json } from "../../identity/canonical-json.ts";
import type { Desired } from "../../forge/desired.ts";
import type { CommitSha } from "../../identity/identity.ts";
import type { RepositoryRef } from "../../identity/repository.ts";
import { noteDrift } from "../../controller/note-drift.ts";
import { sendNotices, toldNotices, waitingNotices, type Posted } from "../../controller/send-notices.ts";
import { again, DONE, type At } from "./at.ts";
import type { ForgeRepository } from "./forge-repository.ts";
import type { Settings } from "../../pipeline/settings.ts";
import type { Performed } from "../../queue/queue.ts";
import { eventPath, type ReleaseEvent } from "../../release/release-event.ts";
import { divergenceNotice, eventNotices, noticeBody, runNotices, type Notice } from "../../report/notice.ts";
import { fourCharacters } from "../../report/words.ts";
import { envSecrets } from "../../secrets/env-secrets.ts";
import { fileSecrets } from "../../secrets/file-secrets.ts";
import { secretSources } from "../../secrets/secret-sources.ts";
import { QUEUES } from "../../worker.ts";

/** Newest runs that are looked through. */
const RUNS = 500;
/** What is older was told, or is no news: a queue that was emptied remembers none of it. */
const NEWS_MS = 3_600_000;
const REMEMBERED_MS = 24 * NEWS_MS;
const ANSWER_MS = 10_000;

/** Puts what the ledger has to tell since the last look before the webhooks of `notify:`, each fact once. */
export async function tellNotices(at: At, repository: ForgeRepository): Promise<void> {
  const { settings } = (await repository.rules()) ?? {};
  if (settings === undefined || settings.notify.length === 0) return;
  const { service, queue } = at;
  const now = service.parts.clock.now();
  const of = { since: now - NEWS_MS, shortId: fourCharacters, environments: settings.environments };
  const events = await repository.releases.events();
  const { id } = repository.forge.repository;
  const isNews = (event: ReleaseEvent): boolean => Date.parse(event.at) >= of.since;
  const notices = [
    ...runNotices(repository.history.runs({ limit: RUNS }), of),
    ...eventNotices(events, { ...of, isNews }),
  ];
  await putBefore(at, repository, { notify: settings.notify, notices });
  for (const { key, value } of await queue.table.entries(toldNotices(id)))
    if (Number(value) < now - REMEMBERED_MS) await queue.table.remove(toldNotices(id), key, value);
  // Whatever waits is sent, also where its job was lost.
  if ((await queue.table.entries(waitingNotices(id))).length > 0)
    await queue.jobs.add(QUEUES.notices, [noticesJob(repository.forge.repository)]);
}

/** What the ledger has only now of events that are older than any news. */
export async function tellTaken(
  { service, queue }: At,
  repository: ForgeRepository,
  taken: readonly ReleaseEvent[],
): Promise<void> {
  const { settings } = (await repository.rules()) ?? {};
  if (taken.length === 0 || settings === undefined || settings.notify.length === 0) return;
  const { environments, notify } = settings;
  const paths = new Set(taken.map(eventPath));
  const now = service.parts.clock.now();
  const isNews = (event: ReleaseEvent): boolean => Date.parse(event.at) < now - NEWS_MS && paths.has(eventPath(event));
  const events = await repository.releases.events();
  const notices = eventNotices(events, { isNews, shortId: fourCharacters, environments });
  await putBefore({ queue }, repository, { notify, notices, since: now });
  await queue.jobs.add(QUEUES.notices, [noticesJob(repository.forge.repository)]);
}

/** A merge that runs otherwise than what was reviewed, or waits because of that. */
export async function tellDivergence(
  at: At,
  repository: ForgeRepository,
  merge: { readonly commit: CommitSha; readonly number: number },
): Promise<void> {
  const { settings } = (await repository.rules()) ?? {};
  if (settings === undefined || settings.notify.length === 0) return;
  const { mirror } = repository;
  const [, parent] = await mirror.firstParents(merge.commit, 2);
  const [made] = await mirror.log(merge.commit, parent);
  const mergedAt = (made?.time ?? 0) * 1_000;
  if (mergedAt < at.service.parts.clock.now() - NEWS_MS) return;
  await putBefore(at, repository, {
    notify: settings.notify,
    notices: [divergenceNotice({ ...merge, at: mergedAt })],
  });
  await at.queue.jobs.add(QUEUES.notices, [noticesJob(repository.forge.repository)]);
}

/** Pins and a ledger that are not as Sluice wrote them, by the issues that say so. */
export async function tellDrift(at: At, repository: ForgeRepository, states: readonly Desired[]): Promise<void> {
  const { id } = repository.forge.repository;
  const ports = { table: at.queue.table, clock: at.service.parts.clock };
  const notices = await noteDrift(ports, { repository: id, newsMs: NEWS_MS }, states);
  if (notices.length === 0) return;
  const { settings } = (await repository.rules()) ?? {};
  if (settings === undefined || settings.notify.length === 0) return;
  await putBefore(at, repository, { notify: settings.notify, notices });
  await at.queue.jobs.add(QUEUES.notices, [noticesJob(repository.forge.repository)]);
}

async function putBefore(
  { queue }: Pick<At, "queue">,
  { forge: { repository } }: ForgeRepository,
  of: {
    readonly notify: Settings["notify"];
    readonly notices: readonly Notice[];
    /** Since when they wait (ms since 1970), where that is later than what they tell. */
    readonly since?: number;
  },
): Promise<void> {
  const told = new Set((await queue.table.entries(toldNotices(repository.id))).map(({ key }) => key));
  const { notify, notices, since = 0 } = of;
  const sorted = notices.toSorted((a, b) => Date.parse(a.at) - Date.parse(b.at));
  for (const [nth, notice] of sorted.entries()) {
    for (const { webhook, on } of notify) {
      const event = notice.events.find((one) => on.includes(one));
      const key = JSON.stringify([webhook, notice.id]);
      if (event === undefined || told.has(key)) continue;
      const body = noticeBody(notice, { event, repository: repository.fullName });
      const waiting = { webhook, id: notice.id, body, since: Math.max(Date.parse(notice.at), since + nth) };
      await queue.table.put(waitingNotices(repository.id), key, waiting);
    }
  }
}

function noticesJob(repository: RepositoryRef): { readonly id: string; readonly payload: Json } {
  return { id: `notices-${repository.id}`, payload: { repository: { ...repository } } };
}

/** Sends what waits; what is not taken is sent again. */
export async function sendWaitingNotices(
  { queue, service }: At,
  { id }: RepositoryRef,
  lost: AbortSignal,
): Promise<Performed> {
  const { clock, signer, variable, data, onError } = service.parts;
  const secrets = secretSources({ env: envSecrets(variable), file: fileSecrets([data]) });
  const onTrouble = (why: string): void => onError(new Error(why));
  const afterMs = await sendNotices({ table: queue.table, clock, signer, secrets, post, lost, onTrouble }, id);
  return afterMs === null ? DONE : again(afterMs);
}

/** What an address answers is its own; only whether it took the notice counts, and the address is in no message. */
async function post(url: string, body: string, headers: Readonly<Record<string, string>>): Promise<Posted> {
  try {
    const signal = AbortSignal.timeout(ANSWER_MS);
    const answer = await fetch(url, { method: "POST", body, headers, signal, redirect: "manual" });
    await answer.body?.cancel();
    if (answer.ok) return { kind: "ok" };
    const why = `it answered ${answer.status}`;
    const later = answer.status >= 500 || [408, 425, 429].includes(answer.status);
    return { kind: later ? "unreachable" : "refused", why };
  } catch {
    return { kind: "unreachable", why: "it could not be reached" };
  }
}
