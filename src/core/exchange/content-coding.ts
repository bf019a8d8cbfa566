import { brotliDecompressSync, gunzipSync, inflateSync, zstdDecompressSync } from 'node:zlib';

/** A body that grows by more than this is decoded in part, so that no bomb goes off here. */
const GROWTH_MAX = 8;
/** Parts that are tried where the whole grows too much: the most that deflate can is 1032-fold. */
const PARTS = [1, 32, 1024] as const;

const Z_SYNC_FLUSH = 2;
const BROTLI_FLUSH = 1;
const ZSTD_FLUSH = 1;

type Decode = (bytes: Buffer, bytesMax: number) => Buffer;

const gunzip: Decode = (bytes, bytesMax) => gunzipSync(bytes, partial(bytesMax, Z_SYNC_FLUSH));
const DECODERS: ReadonlyMap<string, Decode> = new Map([
  ['gzip', gunzip],
  ['x-gzip', gunzip],
  ['deflate', (bytes, bytesMax) => inflateSync(bytes, partial(bytesMax, Z_SYNC_FLUSH))],
  ['br', (bytes, bytesMax) => brotliDecompressSync(bytes, partial(bytesMax, BROTLI_FLUSH))],
  ['zstd', (bytes, bytesMax) => zstdDecompressSync(bytes, partial(bytesMax, ZSTD_FLUSH))],
]);

/** What ends in the middle is decoded as far as it goes. */
function partial(bytesMax: number, finishFlush: number) {
  return { maxOutputLength: bytesMax, finishFlush };
}

/**
 * The beginning of a body with its content coding undone (RFC 9110 §8.4.1). A coding that is not
 * known, more than one, or bytes that do not decode: the bytes as they are.
 *
 * @param bytesMax so much of the result is of interest
 * @returns `isCut` where the result goes on
 */
export function decoded(
  bytes: Buffer,
  coding: string,
  bytesMax: number,
): { bytes: Buffer; isCut: boolean } {
  const decode = coding === '' ? undefined : DECODERS.get(coding.trim().toLowerCase());
  if (decode === undefined || bytes.length === 0) return { bytes, isCut: false };
  for (const part of PARTS) {
    try {
      const end = Math.ceil(bytes.length / part);
      const result = decode(bytes.subarray(0, end), bytesMax * GROWTH_MAX);
      if (result.length === 0) break;
      const isCut = part > 1 || result.length > bytesMax;
      return { bytes: result.subarray(0, bytesMax), isCut };
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ERR_BUFFER_TOO_LARGE') break;
    }
  }
  return { bytes, isCut: true };
}
