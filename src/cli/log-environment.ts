import { LEDGER_HEADER } from "../manifest/ledger-paths.ts";
import { environmentOf, type ReleaseEvent } from "../release/release-event.ts";
import { withPointers } from "../release/pointer.ts";
import { safeLine } from "../report/safe-text.ts";
import { counted, fourCharacters, formatTime, jsonDocument } from "../report/words.ts";
import { checkedEvents } from "./checked-events.ts";
import { EXIT, Refusal } from "./exit.ts";
import { openRepository } from "./open-repository.ts";
import type { World } from "./world.ts";

/** `sluice log --env prod`: what happened to an environment, newest first; what no key of the ledger signed is left out, and said. */
export async function logEnvironment(
  world: World,
  wanted: { readonly environment: string; readonly pipeline: string | undefined; readonly json: boolean },
): Promise<number> {
  const repository = await openRepository(world);
  const ledger = await repository.ledger();
  const checked = await checkedEvents(repository, ledger);
  if (checked.kind !== "ok" && ledger.history.events().length > 0)
    throw new Refusal(EXIT.bad, `${LEDGER_HEADER} cannot be read: ${checked.refusal}\n  next: sluice verify --all`);
  const { counted: events, refused } = checked.kind === "ok" ? checked.value : NONE;
  const shown = withPointers(events.map(({ event }) => event))
    .filter(({ environment, pipeline }) => environment === wanted.environment && of(wanted.pipeline, pipeline))
    .toReversed();
  const left = refused.filter(({ path }) => environmentOf(path) === wanted.environment).length;
  if (left > 0)
    world.terminal.say(
      `left out: ${counted(left, "record")} of ${safeLine(wanted.environment)} that no key of this ledger signed for it\n  next: sluice verify --all\n`,
    );
  if (wanted.json) world.terminal.print(jsonDocument({ events: shown }));
  else if (shown.length === 0)
    world.terminal.say(
      `the ledger here has nothing of an environment ${safeLine(wanted.environment)}\n  next: git fetch origin sluice/ledger, or sluice status for the environments there are\n`,
    );
  else world.terminal.print(shown.map(lineOf).join(""));
  return EXIT.fine;
}

const NONE = { counted: [], refused: [] };

/** What concerns a whole environment concerns each of its pipelines. */
function of(wanted: string | undefined, pipeline: string | null): boolean {
  return wanted === undefined || pipeline === null || pipeline === wanted;
}

function lineOf({ at, environment, pipeline, kind, by, run, reason, pullRequest }: ReleaseEvent): string {
  const place = pipeline === null ? environment : `${environment}/${pipeline}`;
  const words = [
    formatTime(at),
    safeLine(place),
    kind,
    ...(run === null ? [] : [fourCharacters(run)]),
    `by ${safeLine(by.login)}`,
    ...(kind === "requested" && pullRequest !== null ? [`· pull request #${pullRequest}`] : []),
    ...(reason === null ? [] : [`· ${safeLine(reason)}`]),
  ];
  return `${words.join(" ")}\n`;
}
