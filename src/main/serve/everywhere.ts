import { again, DONE, type At } from "./at.ts";
import { askToCollect } from "./collect.ts";
import { forgetSeen } from "./seen.ts";
import type { Performed } from "../../queue/queue.ts";
import { CONTROLLER_QUEUE, jobOf } from "../../trigger/job.ts";
import type { Trigger } from "../../trigger/trigger.ts";

/** Looks at every repository that the App is installed in by now: deliveries only make it quicker. */
export async function lookEverywhere(at: At): Promise<Performed> {
  const { service, queue } = at;
  const listed = await service.parts.forges.repositories();
  if (listed.kind !== "ok") {
    const why = listed.kind === "not-found" ? "the App is not known" : listed.why;
    service.parts.onError(new Error(`listing repositories: ${why}`));
    return again(10_000);
  }
  const because = "we look by ourselves";
  for (const repository of listed.value)
    await queue.jobs.add(CONTROLLER_QUEUE, [jobOf({ kind: "reconcile", repository, because }, "look")]);
  // Nobody's run waits for housekeeping: a store that is away stops no look.
  await askToCollect(at).catch(service.parts.onError);
  return DONE;
}

/** Looks at what came to an installation, and forgets what was wanted where it was taken out: put back, all is seen anew. */
export async function installationChanged(
  { queue, service }: At,
  { installation, added, removed, gone }: Extract<Trigger, { kind: "installation" }>,
): Promise<Performed> {
  const outbox = `outbox/${installation}`;
  const leaves = (key: string): boolean => gone || removed.some(({ id }) => key.startsWith(`${id}/`));
  for (const { key } of await queue.table.entries(outbox)) if (leaves(key)) await queue.table.remove(outbox, key);
  for (const repository of removed) await forgetSeen(queue, repository);
  if (!gone) service.parts.forges.letIn(installation);
  for (const repository of added)
    await queue.jobs.add(CONTROLLER_QUEUE, [
      jobOf({ kind: "reconcile", repository, because: "installed" }, `installed-${repository.id}`),
    ]);
  return DONE;
}
