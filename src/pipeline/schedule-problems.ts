import { CronExpressionParser } from "cron-parser";

import { closest } from "../problem/suggest.ts";
import type { Schedule } from "./pipeline.ts";
import { report, type Reading } from "./reading.ts";

/** Checks cron lines, time zones and that every schedule has something to compute (SEMANTICS §6). */
export function checkSchedules(
  frame: Reading,
  schedules: readonly Schedule[],
  { steps, params }: { readonly steps: ReadonlySet<string>; readonly params: ReadonlySet<string> },
): void {
  schedules.forEach((schedule, at) => {
    const node = frame.yaml.child(frame.yaml.child(frame.yaml.child(frame.yaml.root, "on"), "schedule"), at);
    const span = (key: string) => {
      const value = frame.yaml.child(node, key);
      return value === undefined ? schedule.at : frame.yaml.span(value);
    };
    const wrong = cronProblem(schedule.cron);
    if (wrong !== undefined)
      report(frame, span("cron"), {
        code: "bad-cron",
        message: `cron \`${schedule.cron}\` is not valid: ${wrong}`,
        next: "write five fields: minute hour day month weekday, such as `0 4 * * 1`",
      });
    if (!isTimeZone(schedule.timezone)) {
      const meant = closest(schedule.timezone, Intl.supportedValuesOf("timeZone"));
      report(frame, span("timezone"), {
        code: "bad-time-zone",
        message: `there is no time zone \`${schedule.timezone}\``,
        next: meant === undefined ? "write an IANA name such as `Europe/Berlin`" : `did you mean \`${meant}\`?`,
      });
    }
    schedule.refresh.forEach((step, item) => {
      if (steps.has(step)) return;
      const meant = closest(step, steps);
      report(frame, frame.yaml.span(frame.yaml.child(frame.yaml.child(node, "refresh"), item)), {
        code: "unknown-step",
        message: `there is no step \`${step}\``,
        next: meant === undefined ? `name one of: ${[...steps].join(", ")}` : `did you mean \`${meant}\`?`,
      });
    });
    for (const name of Object.keys(schedule.params)) {
      if (reaches(name, params)) continue;
      const meant = closest(name, params);
      report(frame, frame.yaml.keySpan(frame.yaml.child(node, "params"), name), {
        code: "unused-parameter",
        message: `no step lists the parameter \`${name}\`: what this schedule passes changes nothing`,
        next: meant === undefined ? `add \`${name}\` to \`params:\` of a step` : `did you mean \`${meant}\`?`,
      });
    }
    if (schedule.refresh.length === 0 && Object.keys(schedule.params).length === 0) {
      report(frame, schedule.at, {
        code: "idle-schedule",
        message: "this schedule can compute nothing: same inputs, same keys",
        next: 'name steps under `refresh:`, or pass `params: { date: "${{ schedule.date }}" }`',
      });
    }
  });
}

/** A name stands for its subtree, on both sides. */
function reaches(name: string, listed: ReadonlySet<string>): boolean {
  return [...listed].some((one) => one === name || one.startsWith(`${name}.`) || name.startsWith(`${one}.`));
}

function cronProblem(cron: string): string | undefined {
  if (cron.trim().split(/\s+/).length !== 5) return "it must have five fields";
  if (/\bH\b/i.test(cron)) return "`H` means another time on every look";
  try {
    CronExpressionParser.parse(cron, { tz: "UTC", currentDate: new Date(0) }).next();
    return undefined;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

function isTimeZone(zone: string): boolean {
  // Offsets are no places: nobody there changes the clocks.
  if (!/^[A-Za-z]/.test(zone)) return false;
  try {
    return new Intl.DateTimeFormat("en", { timeZone: zone }).resolvedOptions().timeZone !== "";
  } catch {
    return false;
  }
}
