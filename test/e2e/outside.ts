import { createServer, type AddressInfo, type Socket } from "node:net";

import { onTestFinished } from "vitest";

/** Says over the network what it deploys, and succeeds when it is answered so. */
export const ship = (port: number): string => `version: 1
steps:
  ship:
    run: |
      exec 3<>/dev/tcp/127.0.0.1/${port}
      echo "$SLUICE_ENVIRONMENT $SLUICE_DEPLOYMENT $SLUICE_RELEASE $(cat sum.txt) $TOKEN" >&3
      read -r answer <&3
      test "$answer" = fine
    inputs: ["release:sum.txt", say.sh]
    secrets: [TOKEN]
    network: true
`;

/** What deployments reach: it remembers what came, and answers as it is told to. */
export interface Outside {
  readonly port: number;
  /** Words of each deployment: environment, number, run, artifact, secret. */
  readonly came: readonly (readonly string[])[];
  answer: "fine" | "broken" | "nothing";
}

export async function outside(): Promise<Outside> {
  const came: (readonly string[])[] = [];
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on("error", () => undefined);
    socket.on("data", (line) => {
      came.push(line.toString().trim().split(" "));
      if (place.answer !== "nothing") socket.end(`${place.answer}\n`);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  onTestFinished(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  const place: Outside = { port: (server.address() as AddressInfo).port, came, answer: "fine" };
  return place;
}
