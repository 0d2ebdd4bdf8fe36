import { checkOut } from "../controller/check-out.ts";
import type { OutputRecord } from "../key/key-document.ts";
import { listed } from "../report/words.ts";
import type { One } from "./execution.ts";
import type { Session } from "./session.ts";

/** Outputs of what succeeded stand in the work tree afterwards; strangers in their way are moved aside and named. False: not all could be brought. */
export async function bringOut(
  session: Session,
  { store, execution }: One,
  wanted: { readonly outputs: readonly OutputRecord[]; readonly time: string },
): Promise<boolean> {
  if (!execution.flags.checkout) return true;
  const { repository, world } = session;
  const done = await checkOut(
    { store, digests: repository.digests, workTree: repository.workTree },
    wanted.outputs,
    wanted.time,
  );
  for (const { path, now } of done.replaced)
    world.terminal.say(`${path} was not written by Sluice and is kept at ${now}\n`);
  if (done.noRoom.length > 0)
    world.terminal.say(
      `the disk is full: ${listed(done.noRoom, 8)} ${done.noRoom.length === 1 ? "is" : "are"} kept in the store and could not be brought here\n  next: make room, then sluice run\n`,
    );
  for (const path of done.missing)
    world.terminal.say(`${path}: its bytes are not in the store any more (the next sluice run computes them again)\n`);
  return done.noRoom.length === 0 && done.missing.length === 0;
}
