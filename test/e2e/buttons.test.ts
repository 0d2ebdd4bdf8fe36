import { expect, test } from "vitest";

import type { TwinCheck } from "../../src/twin/world.ts";
import { digits } from "./repositories.ts";
import { accepted, minutePasses, recorded, town } from "./town.ts";

/** Goes on until somebody stops it where the parameter says so. */
const SLOW = `version: 1
name: sum
params: params.yaml
steps:
  add: { run: "test $SLUICE_PARAM_PLUS != 2 || sleep 600; echo 1 > one.txt", params: [plus], outputs: [one.txt] }
`;

test(
  "buttons plan, cancel and retry for those who may; a quiet minute writes nothing and asks only what has changed",
  { timeout: 300_000 },
  async () => {
    const place = await town();
    const { forge, exchanges } = place.twin;
    const repository = await digits(forge, { "pipelines/sum.yaml": SLOW });
    await place.until("first contact", async () => (await recorded(repository)).length === 1);
    const files = { "params.yaml": "plus: 2\n" };
    await forge.commit(repository, { branch: "more", files, message: "2", login: "alice" });
    const pull = await forge.openPull(repository, { branch: "more", title: "More", login: "alice" });
    const own = () => (repository.comments.get(pull.number) ?? []).filter(({ app }) => app !== null);
    const check = (name: string): TwinCheck | undefined =>
      repository.checks.findLast((one) => one.head === pull.head && one.name === `sluice / ${name}`);
    const press = async (name: string, button: string, login = "alice"): Promise<void> => {
      const offers = (): boolean => check(name)?.actions.some(({ identifier }) => identifier === button) === true;
      await place.until(`${name} offers ${button}`, offers);
      const shown = check(name);
      if (shown !== undefined) forge.announce.check(repository, shown, { button, sender: forge.world.user(login) });
    };
    await place.until("the plan is told", () => own().length === 1);

    // Taken away without a word to anybody.
    repository.comments.set(pull.number, []);
    await press("plan", "plan");
    await place.until("it is told again", () => own().length === 1);

    await press("plan", "run");
    await place.until("it is accepted", async () => (await accepted(repository)) !== "");
    await press("run", "cancel", "mallory");
    await place.until("mallory is refused", () => own()[0]?.body.includes("needs") === true);
    expect(await recorded(repository)).toHaveLength(1);
    await press("run", "cancel");
    await place.until("it is cancelled", async () => (await recorded(repository)).length === 2);
    expect((await recorded(repository))[0]).toBe("sum command cancelled");
    await press("run", "retry");
    await place.until("it is tried again", async () => (await accepted(repository)) !== "");
    await press("run", "cancel");
    await place.until("that is cancelled, too", async () => (await recorded(repository)).length === 3);
    expect((await recorded(repository))[0]).toBe("sum retry cancelled");
    await place.until("all of it is told", () => check("run")?.conclusion === "cancelled");
    await place.until("nothing waits", async () => {
      const { waiting, active } = await place.service.queue.jobs.counts("controller");
      const outbox = await place.service.queue.table.entries(`outbox/${repository.installation}`);
      return waiting + active + outbox.length === 0;
    });

    const from = exchanges.length;
    await minutePasses(place);
    await place.until("it was looked", () => exchanges.slice(from).some(({ call }) => call.path.endsWith("/pulls")));
    await place.until("the look ended", async () => {
      const { waiting, active } = await place.service.queue.jobs.counts("controller");
      return waiting + active === 0;
    });
    const since = exchanges.slice(from).filter(({ call }) => !call.path.endsWith("/access_tokens"));
    expect(since.filter(({ call }) => call.method !== "GET")).toEqual([]);
    expect(since.find(({ call }) => call.path.endsWith("/pulls"))?.status).toBe(304);
  },
);
