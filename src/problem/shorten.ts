/** Text of a file for a message: bounded, whatever stands there. */
export function shorten(text: string): string {
  return text.length > 80 ? `${text.slice(0, 77)}…` : text;
}
