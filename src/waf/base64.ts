/**
 * Base64 around a text: a cookie of JSON, an id of GraphQL, and an attack that hides from readers of
 * plain text. Only what decodes to a text as a whole is read; tokens, keys and pictures are not.
 */

/** A quarter of it decodes to a page: an attack is shorter, a document is read where it is plain. */
const LENGTH_MAX = 8192;
export const BASE64_LENGTH_MIN = 12;

/** Whether four characters are the beginning of a text in base64: three printable bytes. */
export function startsLikeText(
  first: number,
  second: number,
  third: number,
  fourth: number,
): boolean {
  const a = SIX_BITS[first]!;
  const b = SIX_BITS[second]!;
  const c = SIX_BITS[third]!;
  const d = SIX_BITS[fourth]!;
  if ((a | b | c | d) > 63) return false;
  return (
    isText((a << 2) | (b >> 4)) && isText(((b & 15) << 4) | (c >> 2)) && isText(((c & 3) << 6) | d)
  );
}

/** The text that a value holds in base64 of either alphabet, undefined where it holds none. */
export function decodeBase64(text: string): string | undefined {
  if (
    !startsLikeText(
      text.charCodeAt(0) & 255,
      text.charCodeAt(1) & 255,
      text.charCodeAt(2) & 255,
      text.charCodeAt(3) & 255,
    )
  )
    return undefined;
  const value = text.trimEnd();
  const { length } = value;
  if (length < BASE64_LENGTH_MIN || length > LENGTH_MAX) return undefined;
  let end = length;
  while (end > length - 3 && value.charCodeAt(end - 1) === 61) end--;
  if (end % 4 === 1) return undefined;
  for (let at = 0; at < end; at++) {
    const code = value.charCodeAt(at);
    // A plus sign that a form's reader took for a blank
    if (code > 127 || (SIX_BITS[code]! > 63 && code !== 32)) return undefined;
  }
  const bytes = Buffer.from(value.replaceAll(' ', '+'), 'base64');
  let high = false;
  for (const byte of bytes) {
    if (byte >= 128) high = true;
    else if (!isText(byte) && byte !== 0) return undefined;
  }
  const decoded = bytes.toString('utf8');
  return high && decoded.includes('\ufffd') ? undefined : decoded;
}

/** Printable, a tab or a line end. The first bytes of UTF-8 and a NUL are let through by the caller. */
function isText(byte: number): boolean {
  return (byte >= 32 && byte < 127) || byte === 9 || byte === 10 || byte === 13;
}

const SIX_BITS = new Uint8Array(256).fill(255);
for (const [at, character] of [
  ...'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/',
].entries())
  SIX_BITS[character.charCodeAt(0)] = at;
SIX_BITS['-'.charCodeAt(0)] = 62;
SIX_BITS['_'.charCodeAt(0)] = 63;
