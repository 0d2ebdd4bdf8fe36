/** Why nothing can listen at an address, and what to do about it; undefined: the error is of something else. */
export function listenRefusal(
  error: unknown,
  { host, port }: { readonly host: string; readonly port: number },
): { readonly why: string; readonly next: string } | undefined {
  const { code, syscall } = error as NodeJS.ErrnoException;
  if (!(error instanceof Error) || (syscall !== "listen" && syscall !== "getaddrinfo")) return undefined;
  switch (code) {
    case "EADDRINUSE":
      return { why: `PORT: another process listens at ${host}:${port}`, next: "stop it, or PORT=… of a free one" };
    case "EACCES":
      return { why: `PORT: this user may not listen at ${host}:${port}`, next: "PORT=… above 1023" };
    case undefined:
    default:
      return { why: `HOST: nobody can listen at ${host} here (${code})`, next: "HOST=… of an address of this machine" };
  }
}
