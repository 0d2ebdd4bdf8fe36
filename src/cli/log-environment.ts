import type { ReleaseEvent } from "../release/release-event.ts";
import { parseEvent } from "../release/release-event.ts";
import { safeLine } from "../report/safe-text.ts";
import { fourCharacters, formatTime, jsonDocument } from "../report/words.ts";
import { EXIT } from "./exit.ts";
import { openRepository } from "./open-repository.ts";
import type { World } from "./world.ts";

/** `sluice log --env prod`: what happened to an environment, newest first; `sluice verify` checks the signatures. */
export async function logEnvironment(
  world: World,
  wanted: { readonly environment: string; readonly pipeline: string | undefined; readonly json: boolean },
): Promise<number> {
  const repository = await openRepository(world);
  const { history } = await repository.ledger();
  const events = history
    .events()
    .flatMap(({ payload }) => parseEvent(payload)?.event ?? [])
    .filter(({ environment, pipeline }) => environment === wanted.environment && of(wanted.pipeline, pipeline))
    .toReversed();
  if (wanted.json) world.terminal.print(jsonDocument({ events }));
  else if (events.length === 0)
    world.terminal.say(
      `nothing happened to ${safeLine(wanted.environment)} yet\n  next: git fetch origin sluice/ledger\n`,
    );
  else world.terminal.print(events.map(lineOf).join(""));
  return EXIT.fine;
}

/** What concerns a whole environment concerns each of its pipelines. */
function of(wanted: string | undefined, pipeline: string | null): boolean {
  return wanted === undefined || pipeline === null || pipeline === wanted;
}

function lineOf({ at, environment, pipeline, kind, by, run, reason }: ReleaseEvent): string {
  const place = pipeline === null ? environment : `${environment}/${pipeline}`;
  const words = [
    formatTime(at),
    safeLine(place),
    kind,
    ...(run === null ? [] : [fourCharacters(run)]),
    `by ${safeLine(by.login)}`,
    ...(reason === null ? [] : [`· ${safeLine(reason)}`]),
  ];
  return `${words.join(" ")}\n`;
}
