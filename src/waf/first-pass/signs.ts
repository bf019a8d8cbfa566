/** What bytes of a head and of a body mean alike to some grammar, told from their neighbours. */
import { startsLikeText } from '../base64.ts';
import { startsLikeSerial } from '../detect/serial.ts';
import {
  AT as F_AT,
  BRACKET as F_BRACKET,
  COLON as F_COLON,
  DOT as F_DOT,
  PLUS as F_PLUS,
  SLASH as F_SLASH,
  STAR as F_STAR,
  FEATURE_OF,
  LETTER_OF,
  WORD_CALLER,
  WORD_CODE,
  WORD_COMMAND,
  WORD_FILE,
  WORD_HEADER,
  WORD_LOGIC,
  WORD_REMOTE,
  WORD_SCRIPT,
  WORD_SQL,
  WORD_TYPE,
  WORD_URL,
  WORD_XML,
} from '../features.ts';

const ZERO = 48;
const HYPHEN = 45;
const DOT = 46;
const SLASH = 47;
const COLON = 58;
const SYMBOL_DOT = F_DOT;
const SYMBOL_COLON = F_COLON;
const OPERATORS = F_PLUS | F_STAR | F_AT | F_BRACKET;
const SYMBOLS = OPERATORS | F_SLASH;

/** Words that some detector reads between symbols; among blanks they are everyday. */
const WORDS_WITH_SYMBOLS =
  WORD_REMOTE |
  WORD_SQL |
  WORD_SCRIPT |
  WORD_FILE |
  WORD_COMMAND |
  WORD_CODE |
  WORD_URL |
  WORD_XML |
  WORD_TYPE |
  WORD_HEADER |
  WORD_CALLER;

const WORDS_WITH_OPERATORS = WORDS_WITH_SYMBOLS | WORD_LOGIC;

/** What a byte of a value means to some grammar; blanks and the signs of a sentence mean nothing. */
export function symbolOf(bytes: Uint8Array, at: number): number {
  const byte = bytes[at]!;
  if (byte === DOT) return LETTER_OF[bytes[at + 1]!] !== 0 ? SYMBOL_DOT : 0;
  if (byte === COLON) return bytes[at + 1]! > 32 ? SYMBOL_COLON : 0;
  return FEATURE_OF[byte]! & SYMBOLS;
}

/** Whether a value of such symbols and words may mean something. */
export function mayMean(symbols: number, words: number): boolean {
  if (symbols === 0) return false;
  return (words & ((symbols & OPERATORS) === 0 ? WORDS_WITH_SYMBOLS : WORDS_WITH_OPERATORS)) !== 0;
}

/** `1 or`: whether a number stands before the word that ends at `last`. */
export function followsNumber(bytes: Uint8Array, last: number): boolean {
  let at = last;
  while (at > last - LOGIC_LENGTH_MAX && LETTER_OF[bytes[at]!] !== 0) at--;
  while (at > last - LOGIC_LENGTH_MAX - BLANKS_MAX && bytes[at] === 32) at--;
  return bytes[at]! >= 48 && bytes[at]! <= 57;
}

/** Letters of a logical word, and blanks before it, that are looked back over. */
const LOGIC_LENGTH_MAX = 4;

const BLANKS_MAX = 4;

/** Bytes of a value that may hold a text or an object in base64 from here on. */
const HIDDEN_BYTES_MIN = 12;

export function hidesText(bytes: Uint8Array, at: number): boolean {
  if (startsLikeSerial(bytes[at]!, bytes[at + 1]!, bytes[at + 2]!)) return true;
  // Words look like it too; a text as a whole shows in groups of four.
  for (let group = 0; group < HIDDEN_BYTES_MIN; group += 4) {
    const start = at + group;
    if (
      !startsLikeText(
        base64At(bytes, start),
        base64At(bytes, start + 1),
        base64At(bytes, start + 2),
        base64At(bytes, start + 3),
      )
    )
      return false;
  }
  return true;
}

/** A blank was a plus sign before a form was read. */
function base64At(bytes: Uint8Array, at: number): number {
  return bytes[at] === 32 ? 43 : bytes[at]!;
}

/** `--exec`, `-oProxyCommand`: an option at the beginning of a word may hand on a program. */
export function startsOption(bytes: Uint8Array, at: number): boolean {
  const next = bytes[at + 1]!;
  if (next === HYPHEN ? LETTER_OF[bytes[at + 2]!] === 0 : (next | 0x20) !== 111) return false;
  const before = bytes[at - 1];
  return before === undefined || (FEATURE_OF[before] !== 0 && before !== HYPHEN);
}

/** `://` behind no `http` or `https`, or before a number: an address that is judged. */
export function pointsInward(bytes: Uint8Array, colon: number): boolean {
  if (bytes[colon + 1] !== SLASH || bytes[colon + 2] !== SLASH) return false;
  const next = bytes[colon + 3]!;
  if ((next >= 48 && next <= 57) || next === 91) return true;
  const p = (bytes[colon - 1]! | 0x20) === 115 ? colon - 2 : colon - 1; // https, http
  return (
    (bytes[p]! | 0x20) !== 112 || (bytes[p - 1]! | 0x20) !== 116 || (bytes[p - 2]! | 0x20) !== 116
  );
}

/** `.254.` as in 169.254.169.254, and `.200` of 100.100.100.200: addresses of clouds' secrets. */
export function isLinkLocal(bytes: Uint8Array, dot: number): boolean {
  if (bytes[dot + 1] !== 50) return false;
  return bytes[dot + 2] === 53 ? bytes[dot + 3] === 52 : isAlibabas(bytes, dot);
}

/** `.200` behind `100.`. */
function isAlibabas(bytes: Uint8Array, dot: number): boolean {
  return bytes[dot + 2] === ZERO && bytes[dot + 3] === ZERO && bytes[dot - 1] === ZERO;
}
