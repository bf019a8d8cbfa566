/** What may stand in a head that we write ourselves, for texts (RFC 9110 §5, RFC 9112 §3.2). */
import { IS_FIELD_VALUE, IS_TARGET, TOKEN_LOWER } from './chars.ts';

/** A method or the name of a header or cookie. */
export function isToken(text: string): boolean {
  return text !== '' && isMadeOf(text, TOKEN_LOWER);
}

/** A header's value: Latin-1 without control characters, and no white space around it. */
export function isFieldValue(text: string): boolean {
  return isMadeOf(text, IS_FIELD_VALUE) && text === text.trim();
}

/** A path with an optional query, as a request line has it. */
export function isTarget(text: string): boolean {
  return text.startsWith('/') && isMadeOf(text, IS_TARGET);
}

function isMadeOf(text: string, bytes: Uint8Array): boolean {
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at);
    if (code > 0xff || bytes[code] === 0) return false;
  }
  return true;
}
