/** The pieces that a lax reader of HTML cuts a text into. */
import { isNamePart } from './script.ts';

/** Characters of an attribute's value that are looked at. */
export const VALUE_MAX = 256;

export const NAME_MAX = 40;

export function attributesOf(text: string, from: number): string {
  const length = Math.min(lengthBefore(text, from, '>'), VALUE_MAX);
  return text.slice(from, from + length);
}

/** How many characters before the next `mark`, at most VALUE_MAX. */
function lengthBefore(text: string, from: number, mark: string): number {
  const at = text.slice(from, from + VALUE_MAX).indexOf(mark);
  return at < 0 ? Math.min(VALUE_MAX, text.length - from) : at;
}

export function valueStart(text: string, at: number): number {
  const limit = at + 16;
  while (at < limit && isSpace(text.charCodeAt(at))) at++;
  const code = text.charCodeAt(at);
  return code === 34 || code === 39 || code === 96 ? at + 1 : at;
}

/** Where a value without quotes ends for a browser. */
export function valueEnd(text: string, from: number): number {
  let end = from;
  const limit = Math.min(text.length, from + VALUE_MAX);
  while (end < limit && text.charCodeAt(end) !== 62 && !isSpace(text.charCodeAt(end))) end++;
  return end;
}

/** A piece in lower case without blanks, controls and CSS comments or escapes. */
export function unspaced(text: string, from: number, length: number): string {
  const piece = text.slice(from, from + length).toLowerCase();
  return piece.replace(/[\u0000-\u0020\\]+/g, '').replace(/\/\*[^*]{0,40}\*\//g, '');
}

export function hasQuote(text: string, before: number): boolean {
  const piece = text.slice(Math.max(0, before - 64), before);
  return piece.includes('"') || piece.includes("'");
}

export function tagNameEnd(text: string, start: number): number {
  const first = text.charCodeAt(start) | 0x20;
  if (!(first >= 97 && first <= 122)) return start;
  let end = start;
  while (end < text.length && end - start <= NAME_MAX) {
    const code = text.charCodeAt(end);
    if (!isNamePart(code) && code !== 58 && code !== 45) break;
    end++;
  }
  return end;
}

export function isAttributePart(code: number): boolean {
  return isNamePart(code) || code === 45 || code === 58;
}

export function isQuote(code: number): boolean {
  return code === 34 || code === 39;
}

export function isSpace(code: number): boolean {
  return code <= 32;
}
