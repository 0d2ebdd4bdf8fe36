import type { Twin } from "../../src/twin/twin.ts";
import type { TwinPullRequest, TwinRepository } from "../../src/twin/world.ts";

/** What happens to webhooks: as they should be, or one of GitHub's bad days. */
export type DeliveryFault = "dropped" | "doubled" | "delayed";

export type ForgeOrder =
  | { readonly kind: "found"; readonly files: Readonly<Record<string, string>> }
  | { readonly kind: "open"; readonly branch: string; readonly files: Readonly<Record<string, string>> }
  | { readonly kind: "say"; readonly pull: number; readonly body: string }
  /** Merges, or closes what conflicts. */
  | { readonly kind: "merge"; readonly pull: number }
  | { readonly kind: "deliver-to"; readonly url: string }
  | { readonly kind: "deliveries"; readonly fault: DeliveryFault | null };

export type ForgeAnswer =
  | {
      readonly kind: "started";
      readonly host: string;
      readonly app: { readonly id: number; readonly privateKey: string; readonly secret: string };
    }
  | { readonly kind: "founded"; readonly directory: string }
  | { readonly kind: "opened"; readonly pull: number }
  | { readonly kind: "merged"; readonly commit: string | null }
  | { readonly kind: "done" }
  | { readonly kind: "failed"; readonly why: string };

const LOGIN = "alice";

/** One repository and who changes it, driven by orders. */
export function forgeOrders({ forge }: Twin): (order: ForgeOrder) => Promise<ForgeAnswer> {
  let repository: TwinRepository | undefined;
  const here = (): TwinRepository => {
    if (repository === undefined) throw new Error("there is no repository yet");
    return repository;
  };
  const pullOf = (number: number): TwinPullRequest => {
    const pull = here().pulls.get(number);
    if (pull === undefined) throw new Error(`there is no pull request ${number}`);
    return pull;
  };
  return async (order) => {
    switch (order.kind) {
      case "found":
        repository = await forge.repository({
          owner: "acme",
          name: "chaos",
          files: order.files,
          roles: { [LOGIN]: "write" },
        });
        return { kind: "founded", directory: repository.directory };
      case "open": {
        const { branch, files } = order;
        await forge.commit(here(), { branch, files, message: branch, login: LOGIN });
        return { kind: "opened", pull: (await forge.openPull(here(), { branch, title: branch, login: LOGIN })).number };
      }
      case "say":
        forge.comment(here(), order.pull, { body: order.body, user: forge.world.user(LOGIN), app: null });
        return { kind: "done" };
      case "merge": {
        const commit = await forge.merge(here(), pullOf(order.pull), { login: LOGIN });
        if (commit === null) forge.closePull(here(), pullOf(order.pull), LOGIN);
        return { kind: "merged", commit };
      }
      case "deliver-to":
        forge.deliveries.url = order.url;
        return { kind: "done" };
      case "deliveries":
        forge.deliveries.drop = order.fault === "dropped";
        forge.deliveries.double = order.fault === "doubled";
        if (order.fault === "delayed") forge.deliveries.delay = true;
        else forge.deliveries.release();
        return { kind: "done" };
    }
  };
}
