import { isUtf8 } from 'node:buffer';
import {
  brotliDecompressSync,
  gunzipSync,
  inflateRawSync,
  inflateSync,
  zstdDecompressSync,
} from 'node:zlib';

/** A body that grows by more than this is decoded in part, so that no bomb goes off here. */
const GROWTH_MAX = 8;
/** Parts that are tried where the whole grows too much: the most that deflate can is 1032-fold. */
const PARTS = [1, 32, 1024] as const;

const Z_SYNC_FLUSH = 2;
/** The method in the first byte of a zlib stream (RFC 1950 §2.2). */
const ZLIB_DEFLATE = 8;
const BROTLI_FLUSH = 1;
const ZSTD_FLUSH = 1;

type Decode = (bytes: Buffer, bytesMax: number) => Buffer;

const gunzip: Decode = (bytes, bytesMax) => gunzipSync(bytes, partial(bytesMax, Z_SYNC_FLUSH));
const DECODERS: ReadonlyMap<string, Decode> = new Map([
  ['gzip', gunzip],
  ['x-gzip', gunzip],
  ['deflate', inflate],
  ['br', (bytes, bytesMax) => brotliDecompressSync(bytes, partial(bytesMax, BROTLI_FLUSH))],
  ['zstd', (bytes, bytesMax) => zstdDecompressSync(bytes, partial(bytesMax, ZSTD_FLUSH))],
]);

/** What ends in the middle is decoded as far as it goes. */
function partial(bytesMax: number, finishFlush: number) {
  return { maxOutputLength: bytesMax, finishFlush };
}

/** Codings within codings that are undone; a client has use for one. */
const CODINGS_MAX = 3;

/**
 * The beginning of a body with its content codings undone, the last first (RFC 9110 §8.4.1). From
 * one on that is not known, or does not decode, the bytes stay as they are.
 *
 * @param codings value of Content-Encoding
 * @param bytesMax so much of the result is of interest
 * @returns `isCut` where the result goes on, or could not be made out
 */
export function decoded(
  bytes: Buffer,
  codings: string,
  bytesMax: number,
): { bytes: Buffer; isCut: boolean } {
  let result = { bytes, isCut: false };
  if (codings === '') return result;
  const names = codings
    .toLowerCase()
    .split(',')
    .map((name) => name.trim())
    .filter((name) => name !== '' && name !== 'identity');
  for (const name of names.slice(-CODINGS_MAX).reverse()) {
    if (bytes.length === 0) break;
    const decode = DECODERS.get(name);
    if (decode === undefined) {
      // `Content-Encoding: utf-8` is a mistake of clients whose text is what it is.
      if (!isUtf8(result.bytes)) result = { bytes: result.bytes, isCut: true };
      break;
    }
    const { bytes: next, isCut } = decodedBy(decode, result.bytes, bytesMax);
    result = { bytes: next, isCut: isCut || result.isCut };
  }
  if (names.length > CODINGS_MAX) return { bytes: result.bytes, isCut: true };
  return result;
}

function decodedBy(decode: Decode, bytes: Buffer, bytesMax: number) {
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

/** Some clients send deflate without the frame of zlib, and some servers take it. */
function inflate(bytes: Buffer, bytesMax: number): Buffer {
  const options = partial(bytesMax, Z_SYNC_FLUSH);
  const isFramed = (bytes[0]! & 15) === ZLIB_DEFLATE && bytes.readUInt16BE(0) % 31 === 0;
  return isFramed ? inflateSync(bytes, options) : inflateRawSync(bytes, options);
}
