/** The first pass over a body; head.ts tells what it is. */
import './words.ts';
import {
  LETTER_OF,
  WORD_BODY,
  WORD_FEATURE_OF,
  WORD_LOGIC,
  WORD_STRONG,
  wordHash,
  wordSlot,
} from '../features.ts';
import {
  followsNumber,
  hidesText,
  isLinkLocal,
  mayMean,
  pointsInward,
  startsOption,
  symbolOf,
} from './signs.ts';

const BANG = 33;
const HYPHEN = 45;
const DOT = 46;
const STAR = 42;
const SLASH = 47;
const QUOTE = 34;
const BRACE = 123;
const BRACKET = 91;
const COLON = 58;
const WORDS_OF_BODY = WORD_BODY | WORD_STRONG;

/** Of a byte of a body: a letter in lower case, a stop, one that is judged by its neighbours, or 0. */
const BODY_KINDS = new Uint8Array(256);

const LETTER_MIN = 97;
const STOP = 1;
const JUDGED = 2;

for (let byte = 0; byte < 256; byte++) {
  if (LETTER_OF[byte] !== 0) BODY_KINDS[byte] = LETTER_OF[byte]!;
  else if (byte < 32 || byte >= 127) BODY_KINDS[byte] = STOP;
}

for (const character of "'`<>();|&$%\\=#") BODY_KINDS[character.charCodeAt(0)] = STOP;
for (const character of '\r\n"./?*{!:+@[-') BODY_KINDS[character.charCodeAt(0)] = JUDGED;
BODY_KINDS[9] = 0;

/** Whether nothing in a body, whatever its type, can interest a detector. */
export function bodyIsClean(bytes: Uint8Array): boolean {
  const end = bytes.length;
  if (end > 0 && (bytes[0] === 0 || bytes[0]! >= 0x80)) return false;
  if (hidesText(bytes, 0)) return false;
  // Only in JSON a quote is what it most often is, and only its strings are values.
  const isJson = bytes[0] === BRACE || bytes[0] === BRACKET;
  return isJson ? jsonIsClean(bytes) : textEnd(bytes, 0) === end;
}

function jsonIsClean(bytes: Uint8Array): boolean {
  const end = bytes.length;
  for (let at = 0; at < end; at++) {
    const byte = bytes[at]!;
    if (byte === QUOTE) {
      if (isStray(bytes, at) || hidesText(bytes, at + 1)) return false;
      at = textEnd(bytes, at + 1);
      if (at < 0 || at >= end || isStray(bytes, at)) return false;
    } else if (LETTER_OF[byte] !== 0) {
      while (at + 1 < end && LETTER_OF[bytes[at + 1]!] !== 0) at++;
      if (at + 1 === end || !isLiteral(bytes, at + 1)) return false;
    } else if (IS_STRUCTURE[byte] === 0 || (BODY_KINDS[byte] !== 0 && tellsInBody(bytes, at))) {
      return false;
    }
  }
  return true;
}

/**
 * Index of the quote that ends a text of a body, the body's end where none does; -1 when something
 * in it deserves a look.
 */
function textEnd(bytes: Uint8Array, start: number): number {
  const end = bytes.length;
  let hash = 0;
  let words = 0;
  let symbols = 0;
  let at = start;
  for (; at < end; at++) {
    const kind = BODY_KINDS[bytes[at]!]!;
    if (kind >= LETTER_MIN) {
      hash = wordHash(hash, kind);
      continue;
    }
    if (hash !== 0) {
      const word = WORD_FEATURE_OF[wordSlot(hash)]!;
      hash = 0;
      if (word !== 0) {
        if ((word & WORDS_OF_BODY) !== 0) return -1;
        if ((word & WORD_LOGIC) !== 0 && followsNumber(bytes, at - 1)) return -1;
        words |= word;
      }
    }
    if (kind === 0) continue;
    if (kind === STOP) return -1;
    if (bytes[at] === QUOTE) break;
    symbols |= symbolOf(bytes, at);
    if (tellsInBody(bytes, at)) return -1;
  }
  if (hash !== 0) words |= WORD_FEATURE_OF[wordSlot(hash)]!;
  return (words & WORDS_OF_BODY) !== 0 || mayMean(symbols, words) ? -1 : at;
}

/** Whether a byte that is judged by its neighbours deserves a look where it stands. */
function tellsInBody(bytes: Uint8Array, at: number): boolean {
  const next = bytes[at + 1];
  switch (bytes[at]) {
    // A line of a text may be a header's, a command's or a pickle's; one of JSON begins otherwise.
    case 10:
    case 13:
      return startsLine(next);
    case DOT:
      return next === DOT || isLinkLocal(bytes, at);
    case 63:
    case STAR:
      return isWildcard(bytes, at);
    case BRACE:
      return !opensObject(next) || !standsFree(bytes, at);
    case SLASH:
      return leadsInward(bytes, at);
    case BANG:
      return next === BANG; // !!: a tag of YAML
    case HYPHEN:
      return startsOption(bytes, at);
    default:
      return false;
  }
}

/** What stands between the strings of JSON; the letters are those of true, false, null and 1e5. */
const IS_STRUCTURE = tableOf('{}[]:,"+-.0123456789 \t\r\n');

const OPENS_STRING = tableOf('[{,: \t\r\n');
const CLOSES_STRING = tableOf(',:]} \t\r\n');

function tableOf(characters: string): Uint8Array {
  const table = new Uint8Array(256);
  for (const character of characters) table[character.charCodeAt(0)] = 1;
  return table;
}

/** Whether the word that ends before `end` is one of JSON's own. */
function isLiteral(bytes: Uint8Array, end: number): boolean {
  const last = bytes[end - 1]! | 0x20;
  const before = bytes[end - 2]!;
  if (last === 101 && before >= 48 && before <= 57) return true; // 1e5
  const start = last === 108 ? end - 4 : bytes[end - 4] === 116 ? end - 4 : end - 5;
  return LITERALS.some((it) => spells(bytes, start, end, it));
}

const LITERALS = ['true', 'false', 'null'].map((it) => Buffer.from(it));

function spells(bytes: Uint8Array, start: number, end: number, word: Uint8Array): boolean {
  if (end - start !== word.length || LETTER_OF[bytes[start - 1]!] !== 0) return false;
  return word.every((byte, at) => bytes[start + at] === byte);
}

/** A quote that neither begins nor ends a string of JSON: what a value closes stands around it. */
function isStray(bytes: Uint8Array, at: number): boolean {
  return (
    at > 0 &&
    at + 1 < bytes.length &&
    OPENS_STRING[bytes[at - 1]!] === 0 &&
    CLOSES_STRING[bytes[at + 1]!] === 0
  );
}

/** A brace behind $, #, @, ~, * or % is a template's. */
function standsFree(bytes: Uint8Array, at: number): boolean {
  const before = bytes[at - 1];
  return before === undefined || OPENS_STRING[before] === 1;
}

/** An address of another scheme than the web's, of a number or with a user before its host. */
function leadsInward(bytes: Uint8Array, at: number): boolean {
  const before = bytes[at - 1];
  const next = bytes[at + 1];
  if (before === COLON && next !== SLASH) return true; // http:/1
  if (before! >= 48 && before! <= 57 && isDotted(bytes, at - 1)) return true; // 100.100.100.200/
  if (next !== SLASH) return false;
  if (before === COLON && pointsInward(bytes, at - 1)) return true;
  const host = bytes[at + 2]!;
  if ((host >= 48 && host <= 57) || host === 91) return true;
  const limit = Math.min(bytes.length, at + AUTHORITY_LENGTH_MAX);
  for (let cursor = at + 2; cursor < limit; cursor++) {
    const byte = bytes[cursor]!;
    if (byte === AT) return true;
    if (byte <= 32 || byte === QUOTE || byte === SLASH) return false;
  }
  return limit < bytes.length;
}

/** Whether digits and a dot before them end at `last`. */
function isDotted(bytes: Uint8Array, last: number): boolean {
  let at = last;
  while (at > last - 4 && bytes[at]! >= 48 && bytes[at]! <= 57) at--;
  return bytes[at] === DOT;
}

const AT = 64;
const AUTHORITY_LENGTH_MAX = 64;

/** What a word, a number or a command begins with. */
function startsLine(next: number | undefined): boolean {
  return next !== undefined && (LETTER_OF[next] !== 0 || (next >= 48 && next <= 57) || next === 42);
}

/** What follows the brace of a JSON object, as a template's {{ or {% does not. */
function opensObject(next: number | undefined): boolean {
  return next === undefined || next === 34 || next === 125 || next <= 32;
}

/** `/?tc`, `/??c`, `/*sswd`: a path of a shell's wildcards. */
function isWildcard(bytes: Uint8Array, at: number): boolean {
  const before = bytes[at - 1];
  const next = bytes[at + 1];
  return before === 63 || next === 63 || (before === SLASH && next !== SLASH && next !== 34);
}
