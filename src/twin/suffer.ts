import { rename } from "node:fs/promises";
import { join } from "node:path";

import { installationShape } from "./shapes/app.ts";
import { node, userShape } from "./shapes/user.ts";
import type { Fault, Reach, Suffering } from "./faults.ts";
import type { TwinForge } from "./forge.ts";
import type { TwinRepository, User } from "./world.ts";

/** Switches a fault on, and tells of it what a forge tells. */
export async function suffer(forge: TwinForge, fault: Fault, reach: Reach = {}): Promise<Suffering> {
  switch (fault.kind) {
    case "tokens-expired":
      forge.world.expireTokens();
      return lasting(() => undefined);
    case "uninstalled": {
      const { installation } = fault;
      forge.world.uninstalled.add(installation);
      tellInstallation(forge, installation, "deleted");
      return lasting(() => {
        forge.world.uninstalled.delete(installation);
        tellInstallation(forge, installation, "created");
      });
    }
    case "renamed":
      await renameRepository(forge, fault.repository, fault.to);
      return lasting(() => undefined);
    case "primary-limit":
    case "secondary-limit":
    case "server-error":
    case "closed":
    case "answer-lost":
      return forge.faults.begin(fault, reach);
  }
}

function lasting(end: () => void): Suffering {
  return { met: 0, over: false, end };
}

function tellInstallation(forge: TwinForge, installation: number, action: "created" | "deleted"): void {
  const mine = [...forge.world.repositories.values()].filter((one) => one.installation === installation);
  const owner: User | undefined = mine[0]?.owner;
  if (owner === undefined) return;
  forge.deliveries.send("installation", {
    action,
    installation: installationShape(owner, forge.at),
    repositories: mine.map(({ id, name, fullName }) => ({
      id,
      node_id: node("R", id),
      name,
      full_name: fullName,
      private: false,
    })),
    ...(action === "created" && { requester: null }),
    sender: userShape(forge.world.user(owner.login), forge.at),
  });
}

async function renameRepository(forge: TwinForge, repository: TwinRepository, to: string): Promise<void> {
  const { world, options } = forge;
  const { name: from, fullName: was, owner } = repository;
  const directory = join(options.directory, `${owner.login}/${to}.git`);
  await forge.watching(repository, owner.login, async () => {
    await rename(repository.directory, directory);
    Object.assign(repository, { name: to, fullName: `${owner.login}/${to}`, directory });
    world.repositories.delete(was);
    world.repositories.set(repository.fullName, repository);
    world.moved.set(was, repository);
  });
  forge.send(repository, world.user(owner.login), "repository", {
    action: "renamed",
    changes: { repository: { name: { from } } },
  });
}
