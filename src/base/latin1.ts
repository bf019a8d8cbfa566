/** The text of bytes, one character a byte; writing it back as latin1 gives the same bytes. */
export function latin1(bytes: Buffer, start: number, end: number): string {
  return bytes.toString('latin1', start, end);
}
