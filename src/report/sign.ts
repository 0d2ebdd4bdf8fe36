import type { Verdict } from "../plan/plan.ts";

/** The four signs of a plan: ▶ runs, ◇ depends, ✓ cached, − removed; what is left out has none. */
export function signOf(kind: Verdict["kind"] | "removed" | "plain"): string {
  switch (kind) {
    case "run":
      return "▶";
    case "depends":
      return "◇";
    case "cached":
      return "✓";
    case "removed":
      return "−";
    case "withheld":
    case "plain":
      return " ";
  }
}
