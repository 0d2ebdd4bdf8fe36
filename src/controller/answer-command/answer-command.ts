import type { Comment } from "../../forge/forge.ts";
import { againAfter } from "../../forge/looked.ts";
import { USAGE, type Command, type ParsedCommand } from "../../trigger/command.ts";
import { done, movedTo, NOTHING, refused, told, type Answered, type Asking, type CommandPorts } from "./answering.ts";
import { leaveToRun } from "./leave-to-run.ts";
import { retry, runNow } from "./run-now.ts";

/** What only those may ask for who may run. */
const GUARDED: ReadonlySet<Command["kind"]> = new Set(["run", "cancel", "retry"]);

/**
 * Does what somebody asks for, by the permission that they have at this moment. A comment that was edited since does
 * not count: what was agreed to must be what stands there.
 */
export async function answerCommand(ports: CommandPorts, asking: Asking, parsed: ParsedCommand): Promise<Answered> {
  const comment = await mayCount(ports, asking);
  if (comment !== "counts") return comment;
  await ports.seen();
  if (parsed.kind === "refused") return refused(asking, `${parsed.why}: ${parsed.next}`);
  const { command } = parsed;
  // What somebody presses at an earlier head was not meant for what runs at this one.
  const moved = asking.head !== null && ports.head !== null && asking.head !== ports.head;
  if (moved && GUARDED.has(command.kind)) return refused(asking, movedTo(ports.head));
  if (GUARDED.has(command.kind)) {
    const { login } = asking.sender;
    const strangers = ports.fork && command.kind !== "cancel";
    const leave = await leaveToRun(ports, { login, command: `/sluice ${command.kind}`, strangers });
    if (leave.kind === "later") return { ...NOTHING, again: leave.afterMs };
    if (leave.kind === "refused") return refused(asking, `${leave.why}: ${leave.next}`);
  }
  return perform(ports, asking, command);
}

async function perform(ports: CommandPorts, asking: Asking, command: Command): Promise<Answered> {
  switch (command.kind) {
    case "plan":
      return done(asking);
    case "help":
      return { ...done(asking), shown: [HELP] };
    case "run":
      return runNow(ports, asking, command);
    case "cancel": {
      const stopped = await ports.cancel();
      if (stopped === "later") return { ...NOTHING, again: 5_000 };
      return stopped === 0 ? refused(asking, "no run of this pull request is under way") : done(asking);
    }
    case "retry":
      return retry(ports, asking);
    case "diff":
      return told(asking, await ports.diff(command.against));
    case "explain":
      return told(asking, await ports.explain(command.step));
    case "promote":
    case "approve":
    case "rollback":
    case "hold":
    case "unhold":
    case "freeze":
    case "unfreeze":
    case "note": {
      const answer = await ports.environments(command);
      if (answer.kind === "again") return { ...NOTHING, again: answer.afterMs };
      return answer.kind === "done" ? done(asking) : refused(asking, answer.why);
    }
    default:
      return command satisfies never;
  }
}

const HELP = [
  "Commands, at the start of a comment:",
  "",
  ...Object.values(USAGE).map((usage) => `- \`${usage}\``),
].join("\n");

async function mayCount(ports: CommandPorts, { comment }: Asking): Promise<Answered | "counts"> {
  if (comment === null) return "counts";
  const seen = await ports.forge.comment(comment.id);
  if (seen.kind === "not-found") return NOTHING;
  if (seen.kind !== "ok") return { ...NOTHING, again: againAfter(seen, ports.clock.now()) };
  const { body, author } = seen.value;
  return wasEdited(seen.value) || author.bot || !body.startsWith(comment.line.slice(0, 200)) ? NOTHING : "counts";
}

function wasEdited({ createdAt, updatedAt }: Comment): boolean {
  return createdAt !== updatedAt;
}
