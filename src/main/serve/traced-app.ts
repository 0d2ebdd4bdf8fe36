import { randomUUID } from "node:crypto";

import type { App } from "../../app.ts";
import { correlated } from "../../queue/correlation.ts";
import type { Tracing } from "./tracing.ts";

/** Everything that follows from a delivery is named after it. */
export function tracedApp(app: App, tracing: Tracing): App {
  return {
    receive(request) {
      const said = request.headers.get("x-github-delivery") ?? "";
      // Nobody has looked at its signature yet.
      const name = /^[\w-]{1,64}$/.test(said) ? said : randomUUID();
      return correlated(name, () => tracing.span("delivery", { "sluice.delivery": name }, () => app.receive(request)));
    },
  };
}
