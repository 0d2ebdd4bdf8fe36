import { answeredTable } from "./answers.ts";
import type { At } from "./at.ts";
import type { ForgeRepository } from "./forge-repository.ts";
import { isCommand, MAX_COMMAND } from "../../trigger/command.ts";
import { CONTROLLER_QUEUE, jobOf } from "../../trigger/job.ts";

/** A forge that was not asked before, or whose answers were forgotten, is asked for so long back. */
const BACK_MS = 7 * 86_400_000;
/** Clocks differ, and a comment may show late. */
const MARGIN_MS = 5 * 60_000;

/**
 * Wakes us for commands that no delivery told of: comments as they were first written that no reaction of ours answers.
 * The forge's reactions are the fact; what was answered is remembered to ask less.
 */
export async function wakeForComments(at: At, { forge }: ForgeRepository): Promise<void> {
  const { repository } = forge;
  const cursor = `comments-since/${repository.id}`;
  const now = forge.date() ?? at.service.parts.clock.now();
  const last = await at.queue.table.get("cursors", cursor);
  const since = typeof last === "number" ? last : now - BACK_MS;
  const asked = await forge.pullRequestCommentsSince(new Date(since).toISOString());
  if (asked.kind !== "ok") return;
  for (const { number, comment } of asked.value) {
    const { id, body, author, createdAt, updatedAt } = comment;
    if (author.bot || createdAt !== updatedAt || !isCommand(body)) continue;
    if ((await at.queue.table.get(answeredTable(repository), String(id))) !== undefined) continue;
    const answered = await forge.hasAnswered(id);
    if (answered.kind !== "ok") return;
    if (answered.value) {
      await at.queue.table.put(answeredTable(repository), String(id), true);
      continue;
    }
    const text = body.slice(0, MAX_COMMAND + 1).split(/[\r\n\u2028\u2029]/, 1)[0] ?? "";
    const trigger = { kind: "command", repository, number, comment: id, text, sender: author } as const;
    await at.queue.jobs.add(CONTROLLER_QUEUE, [jobOf(trigger, `seen-${id}`)]);
  }
  await at.queue.table.put("cursors", cursor, now - MARGIN_MS);
}
