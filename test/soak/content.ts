const PERIOD = 251;
const WHOLE = Buffer.from(Array.from({ length: 128 * 1024 + PERIOD }, (_, at) => at % PERIOD));

/** Bytes of every body of a soak, from an offset on: a lost or doubled piece shows. */
export function pattern(offset: number, bytes: number): Buffer {
  if (bytes > 128 * 1024) throw new RangeError('128 KB at a time');
  const start = offset % PERIOD;
  return WHOLE.subarray(start, start + bytes);
}
