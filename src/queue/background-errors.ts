/**
 * Errors of connections as words: drivers hang the connection itself, with its address and password, on what they
 * throw. While everything is being closed, broken connections are what was asked for.
 */
export function backgroundErrors(
  backend: string,
  onError: (error: unknown) => void,
): { readonly tell: (error: unknown) => void; close(): void } {
  let closed = false;
  return {
    tell(error) {
      if (!closed) onError(new Error(`${backend}: ${error instanceof Error ? words(error) : String(error)}`));
    },
    close() {
      closed = true;
    },
  };
}

function words(error: Error): string {
  if (error instanceof AggregateError) return error.errors.map(String).join("; ");
  return error.message === "" ? error.name : error.message;
}
