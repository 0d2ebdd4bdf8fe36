import { expect, test } from "vitest";

import { asked, events, stage } from "./stage.ts";

test(
  "what an account agreed to by a command is not what the next account of that login agrees to",
  {
    timeout: 240_000,
  },
  async () => {
    const place = await stage();
    const { forge, say, until, check } = place;
    const page = await asked(place, await place.merge(2));
    say(page, "max", "/sluice hold staging the fair");
    await until("it is held", () => check(page).includes("held by max"));
    say(page, "bob", "/sluice approve staging");
    await until("bob agrees", async () => (await events(place, "approved")).length === 1);
    const { id } = forge.world.user("bob");
    forge.world.users.delete("bob");
    expect(forge.world.user("bob").id).not.toBe(id);

    say(page, "max", "/sluice unhold staging");
    await until("nobody agrees any more", async () => (await events(place, "revoked")).length === 1);
    await until("the hold is lifted", () => !check(page).includes("held by max"));
    expect(check(page)).toContain("waiting for 1 approval");
    expect(page.merged).toBe(false);

    // The account that has the login now may write too, and speaks for itself.
    say(page, "bob", "/sluice approve staging");
    await until("it is released", async () => (await events(place, "released")).length === 1);
  },
);
