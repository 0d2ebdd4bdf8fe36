import type { AcceptedRun } from "../queue/accepted-runs.ts";
import { fourCharacters } from "../report/words.ts";
import { abandon } from "./abandon.ts";
import { EXIT, Refusal } from "./exit.ts";
import { cancelServed } from "./served.ts";
import { openSession, type Session } from "./session.ts";
import type { Repository, World } from "./world.ts";

const POLL_MS = 50;
/** A step has two seconds to end after it was asked; recording the run takes less than this. */
const PATIENCE_MS = 30_000;

/** `sluice cancel <run>`: stops a run under way in another process, or ends one that was interrupted. */
export async function cancel(world: World, name: string): Promise<number> {
  const opened = await world.openRepository();
  const here = opened.kind === "ok" && startsHere(opened.repository, name);
  // What this machine does not have in hand, a service may.
  const served = here ? undefined : await cancelServed(world, name);
  return served ?? cancelHere(world, name);
}

function startsHere({ accepted }: Repository, name: string): boolean {
  return accepted.list().some(({ id }) => name === "latest" || id.startsWith(name));
}

async function cancelHere(world: World, name: string): Promise<number> {
  const session = await openSession(world);
  const { repository } = session;
  const run = await find(session, name);
  const short = fourCharacters(run.id);
  const pid = repository.accepted.holder();
  if (pid !== undefined) {
    if (!signal(pid))
      throw new Refusal(EXIT.forbidden, `run ${short} belongs to another user (process ${pid})\n  next: ask them`);
    world.terminal.say(`asked process ${pid} to stop run ${short}\n`);
    await ended(session, run, pid);
  }
  if (!isAccepted(session, run)) {
    const record = await (await repository.history()).record(run.id);
    world.terminal.print(`run ${short} ended: ${record?.status ?? "recorded"}; what finished is kept\n`);
    return EXIT.fine;
  }
  const lock = repository.accepted.lock();
  if (lock.kind === "held")
    throw new Refusal(
      EXIT.later,
      `run ${short} is not at its end yet (process ${lock.pid})\n  next: sluice status, then sluice cancel ${short} again`,
    );
  try {
    await abandon(session, await repository.store(session.project.settings), run);
  } finally {
    lock.release();
  }
  world.terminal.print(`run ${short} was interrupted before; it is recorded as abandoned, and what finished is kept\n`);
  return EXIT.fine;
}

async function find({ repository }: Session, name: string): Promise<AcceptedRun> {
  const active = repository.accepted.list();
  const found = name === "latest" ? active : active.filter((run) => run.id.startsWith(name));
  const [run] = found;
  if (found.length === 1 && run !== undefined) return run;
  if (found.length > 1)
    throw new Refusal(EXIT.usage, `${name} could be any of\n${found.map(({ id }) => `  ${id}`).join("\n")}`);
  const history = await repository.history();
  if (/^[0-9a-z]{4,}$/.test(name) && history.byPrefix(name).length > 0)
    throw new Refusal(EXIT.usage, `run ${name} has ended already\n  next: sluice show ${name}`);
  const known = active.map(({ id }) => fourCharacters(id));
  throw new Refusal(
    EXIT.usage,
    `no run ${name} is under way here\n  next: ${known.length === 0 ? "sluice status" : `under way: ${known.join(", ")}`}`,
  );
}

/** False where the process belongs to somebody else; one that ended meanwhile needs no signal. */
function signal(pid: number): boolean {
  try {
    process.kill(pid, "SIGINT");
    return true;
  } catch (error) {
    return !(error instanceof Error && "code" in error && error.code === "EPERM");
  }
}

/** Waits until the run is recorded or its process is gone. */
async function ended({ repository, world }: Session, run: AcceptedRun, pid: number): Promise<void> {
  const until = world.clock.now() + PATIENCE_MS;
  while (world.clock.now() < until && !world.terminal.interrupted.aborted) {
    const there = repository.accepted.list().some(({ id }) => id === run.id);
    if (!there || repository.accepted.holder() !== pid) return;
    await world.clock.wait(POLL_MS, world.terminal.interrupted);
  }
}

function isAccepted({ repository }: Session, run: AcceptedRun): boolean {
  return repository.accepted.list().some(({ id }) => id === run.id);
}
