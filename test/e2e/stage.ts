import type { TwinForge } from "../../src/twin/forge.ts";
import type { TwinPullRequest, TwinRepository } from "../../src/twin/world.ts";
import { ledgerLog } from "./ledger-log.ts";
import { digits, PLUS_TWO } from "./repositories.ts";
import { town, type Town } from "./town.ts";

export const settings = (approvals: string): string => `version: 1
pipelines: pipelines/*.yaml
environments:
  staging:
    approvals: ${approvals}
`;
export const CHECK = "sluice / promote (staging)";
export const PIN = "environments/staging/sum.yaml";

export interface Stage extends Omit<Town, "until"> {
  readonly until: (what: string, fact: () => boolean | Promise<boolean>) => Promise<void>;
  readonly forge: TwinForge;
  readonly repository: TwinRepository;
  readonly ledger: () => Promise<string>;
  readonly say: (on: TwinPullRequest, login: string, body: string) => number;
  readonly label: (on: TwinPullRequest, name: string, login: string, add?: boolean) => void;
  /** Merges a change of alice's and waits for its run. */
  readonly merge: (plus: number) => Promise<TwinPullRequest>;
  readonly promotion: () => TwinPullRequest | undefined;
  /** The check of a promotion's head, as it stands now. */
  readonly check: (pull: TwinPullRequest) => string;
  /** What the service answers in its comment. */
  readonly answers: (on: TwinPullRequest) => string;
}

/** alice writes changes, bob and carol may write, max maintains, mallory may read. */
export async function stage(approvals = "{ count: 1 }"): Promise<Stage> {
  const place = await town();
  const { forge } = place.twin;
  const repository = await digits(forge, { "sluice.yaml": settings(approvals) });
  for (const login of ["bob", "carol"]) repository.roles.set(login, "write");
  repository.roles.set("max", "maintain");
  const ledger = (): Promise<string> => ledgerLog(repository);
  await place.until("the first run is recorded", async () => (await ledger()).includes("total 42"));
  return {
    ...place,
    until: (what, fact) => place.until(what, fact),
    forge,
    repository,
    ledger,
    say: (on, login, body) =>
      forge.comment(repository, on.number, { body, user: forge.world.user(login), app: null }).id,
    label: (on, name, login, add = true) => forge.label(repository, on, { name, add, login }),
    async merge(plus) {
      await forge.commit(repository, {
        branch: `plus-${plus}`,
        ...PLUS_TWO,
        files: { "params.yaml": `plus: ${plus}\n` },
      });
      const pull = await forge.openPull(repository, {
        branch: `plus-${plus}`,
        title: `Add ${plus}`,
        login: "alice",
      });
      await forge.merge(repository, pull, { login: "alice" });
      await place.until("the merge is recorded", async () => (await ledger()).includes(`total ${41 + plus}`));
      return pull;
    },
    promotion: () => [...repository.pulls.values()].findLast(({ branch }) => branch === "sluice/promote/staging/sum"),
    check: ({ head }) => {
      const found = repository.checks.findLast((one) => one.name === CHECK && one.head === head);
      return found === undefined
        ? ""
        : `${found.conclusion ?? found.status}: ${found.output.title}\n${found.output.summary}`;
    },
    answers: ({ number }) =>
      (repository.comments.get(number) ?? []).map(({ app, body }) => (app === null ? "" : body)).join("\n"),
  };
}

/** Asks for the newest run and answers the page that opens. */
export async function asked({ say, promotion, until, check }: Stage, on: TwinPullRequest): Promise<TwinPullRequest> {
  const before = promotion();
  say(on, "alice", "/sluice promote staging sum");
  await until("the promotion is there", () => promotion() !== before);
  const page = promotion();
  if (page === undefined) throw new Error("unreachable: it is there");
  await until("its check says what is missing", () => check(page).includes("waiting for"));
  return page;
}

export const events = async ({ ledger }: Stage, kind: string): Promise<readonly string[]> =>
  ((await ledger()).match(new RegExp(`^staging/sum: ${kind} by .*$`, "gm")) ?? []).toReversed();
