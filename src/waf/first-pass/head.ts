/**
 * The first pass over raw bytes: most requests hold no byte and no word that any detector could
 * do something with, and one look at each byte says so. A `false` means only "look closer".
 */
import './words.ts';
import { startsLikeSerial } from '../detect/serial.ts';
import {
  FEATURE_OF,
  LETTER_OF,
  DOT as SYMBOL_DOT,
  WORD_COMMAND_NAME,
  WORD_FEATURE_OF,
  WORD_HEADER,
  WORD_LOGIC,
  WORD_PROBE,
  WORD_SCANNER,
  WORD_SQL,
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
const ZERO = 48;
const COMMA = 44;
const HYPHEN = 45;
const DOT = 46;
const STAR = 42;
const SLASH = 47;
const QUOTE = 34;
const EQUALS = 61;
const SEMICOLON = 59;
const COLON = 58;
const PAREN = 40;
const PERCENT = 37;
const AMPERSAND = 38;

const WORDS_OF_QUERY = WORD_COMMAND_NAME | WORD_STRONG;
const WORDS_OF_PATH = WORD_PROBE | WORD_STRONG;

/** Bytes of a target that need no closer look; a dot is judged by its neighbours. */
const TARGET_STOPS = stops('\'"`<>()[]{};|$%\\+#^', true);

/** Bytes of a header's value that some attack needs. Quotes, brackets and semicolons are everyday. */
const HEADER_STOPS = stops("'`<>{}|$%\\", true);

HEADER_STOPS[ZERO] = 2;

/**
 * Whether nothing in a request's head can interest a detector.
 * @param bytes the head as received: request line and header lines, each ended by CR LF or LF
 * @param start index of the method's first byte; @param end index after the last header line
 */
export function headIsClean(bytes: Uint8Array, start: number, end: number): boolean {
  let at = start;
  // The method: TRACE, TRACK and DEBUG are worth a look.
  const verb = bytes[at]! | 0x20;
  if (verb === 116 || (verb === 100 && (bytes[at + 2]! | 0x20) === 98)) return false;
  while (at < end && bytes[at] !== 32) at++;
  at = targetEnd(bytes, at + 1, end);
  if (at < 0) return false;
  while (at < end && bytes[at] !== 10) at++;
  at++;
  while (at < end) {
    const line = at;
    while (at < end && bytes[at] !== 58) at++;
    const length = at - line;
    const first = bytes[line]! | 0x20;
    at++;
    // user-agent, referer, or a name that begins x-
    const agent = length === 10 && first === 117;
    const worded = agent || first === 120 || (first === 114 && length === 7);
    const cookie = length === 6 && first === 99;
    if (length === 12 && first === 99 && !namesUtf8(bytes, at, end)) return false;
    // spring.cloud.function.routing-expression is a program to run
    if (length > 20 && first === 115 && bytes[line + 6] === DOT) return false;
    // transfer-encoding and range are rare enough; acunetix-... names itself
    if ((length === 17 && first === 116) || (length === 5 && first === 114)) return false;
    if (first === 97 && (bytes[line + 2]! | 0x20) === 117 && length > 9) return false;
    at = worded ? wordedValueEnd(bytes, at, end, agent) : valueEnd(bytes, at, end, cookie);
    if (at < 0) return false;
  }
  return true;
}

/** Index of the blank after the target, -1 when something in it deserves a look. */
function targetEnd(bytes: Uint8Array, start: number, end: number): number {
  let hash = 0;
  let query = false;
  // Of one segment of the path, one name or value of the query.
  let words = 0;
  let symbols = 0;
  let dots = 0;
  let names = 0;
  let nameAt = -1; // where a parameter's name begins, -1 behind its equals sign
  for (let at = start; at < end; at++) {
    const byte = bytes[at]!;
    const letter = LETTER_OF[byte]!;
    if (letter !== 0) {
      hash = wordHash(hash, letter);
      continue;
    }
    if (hash !== 0) {
      const word = WORD_FEATURE_OF[wordSlot(hash)]!;
      hash = 0;
      if ((word & (query ? WORDS_OF_QUERY : WORDS_OF_PATH)) !== 0) return -1;
      if ((word & WORD_LOGIC) !== 0 && followsNumber(bytes, at - 1)) return -1;
      words |= word;
    }
    const kind = TARGET_STOPS[byte];
    if (kind === 1 && byte !== 32) return -1;
    const ends = query ? byte === AMPERSAND || byte === EQUALS : byte === SLASH || byte === 63;
    if (ends || kind === 1) {
      if (mayMean(symbols, words)) return -1;
      words = 0;
      symbols = 0;
      dots = 0;
    } else if (byte !== DOT || query) symbols |= symbolOf(bytes, at);
    else if (++dots > 1) symbols |= SYMBOL_DOT; // one dot is before a file's kind
    if (kind === 1) return at;
    if (kind === 0) continue;
    if (byte === DOT) {
      const next = bytes[at + 1];
      if (next === DOT || bytes[at - 1] === SLASH) return -1;
      if (isLinkLocal(bytes, at)) return -1;
    } else if (byte === SLASH) {
      if (query || bytes[at + 1] === SLASH || hidesText(bytes, at + 1)) return -1;
    } else if (byte === STAR || (byte === AMPERSAND && !query)) {
      return -1;
    } else if (byte === 63) {
      if (query) return -1; // a wildcard, as in /e?c/p?sswd
      query = true;
      nameAt = at + 1;
      if (hidesText(bytes, at + 1)) return -1;
    } else if (byte === 126) {
      if (!query) return -1; // index.php~
    } else if (byte === HYPHEN) {
      if (startsOption(bytes, at)) return -1;
    } else if (byte === BANG) {
      if (!query || bytes[at + 1] === BANG) return -1;
    } else if (byte === EQUALS || byte === AMPERSAND) {
      if (hidesText(bytes, at + 1)) return -1;
      if (byte === AMPERSAND) nameAt = at + 1;
      else if (nameAt >= 0) {
        if (names === NAMES_MAX || repeats(bytes, nameAt, at, names++)) return -1;
        nameAt = -1;
      }
    }
  }
  return -1;
}

/** Parameters of a query whose names are compared; one with more is looked at. */
const NAMES_MAX = 16;

/** Hashes of the names of the query that is read. */
const nameHashes = new Int32Array(NAMES_MAX);

/** Whether a parameter has the name of one before it: joined, their values may be a third. */
function repeats(bytes: Uint8Array, start: number, end: number, before: number): boolean {
  let hash = 0;
  for (let at = start; at < end; at++) hash = wordHash(hash, bytes[at]! | 0x20);
  for (let at = 0; at < before; at++) if (nameHashes[at] === hash) return true;
  nameHashes[before] = hash;
  return false;
}

/** Index after the line, -1 when something in it deserves a look. */
function valueEnd(bytes: Uint8Array, start: number, end: number, cookie: boolean): number {
  let json = false;
  let hash = 0;
  let words = 0;
  let symbols = 0;
  if (cookie && hidesText(bytes, start)) return -1;
  for (let at = start; at < end; at++) {
    const byte = bytes[at]!;
    if (cookie) {
      const letter = LETTER_OF[byte]!;
      if (letter !== 0) {
        hash = wordHash(hash, letter);
        continue;
      }
      if (hash !== 0) {
        words |= WORD_FEATURE_OF[wordSlot(hash)]!;
        if ((words & WORDS_OF_QUERY) !== 0) return -1;
        if ((words & WORD_LOGIC) !== 0 && followsNumber(bytes, at - 1)) return -1;
        hash = 0;
      }
      if (byte === PAREN) return -1;
      // A payload in base64 may stand behind a label.
      if (
        (byte === COMMA || byte === COLON || byte === QUOTE) &&
        startsLikeSerial(bytes[at + 1]!, bytes[at + 2]!, bytes[at + 3]!)
      )
        return -1;
      symbols |= symbolOf(bytes, at);
      if (byte === SEMICOLON || byte === EQUALS || byte === 13 || byte === 10) {
        if (mayMean(symbols, words)) return -1;
        words = 0;
        symbols = 0;
      }
      if (byte === QUOTE && !bordersQuote(bytes[at - 1], bytes[at + 1])) return -1;
    }
    switch (HEADER_STOPS[byte]) {
      case 0:
        break;
      case 1:
        if (byte === 10) return json ? -1 : at + 1;
        if (byte === 13 && bytes[at + 1] === 10) return json ? -1 : at + 2;
        if (cookie && byte === PERCENT && isHarmlessEscape(bytes, at)) break;
        if (byte !== 32 && byte !== 9) return -1;
        // A cookie's value holds no blank (RFC 6265 §4.1.1); one follows a colon or a semicolon.
        if (cookie && bytes[at - 1] !== SEMICOLON && bytes[at - 1] !== COLON) return -1;
        if (cookie && hidesText(bytes, at + 1)) return -1;
        break;
      default:
        if (byte === ZERO) {
          if (endsJavaMark(bytes, at)) return -1;
        } else if (byte === DOT) {
          if (bytes[at + 1] === DOT || (cookie && isLinkLocal(bytes, at))) return -1;
          json = false;
        } else if (!cookie) break;
        else if (byte === HYPHEN) {
          if (startsOption(bytes, at)) return -1;
        } else if (byte === SLASH) return -1;
        else if (byte === SEMICOLON) {
          if (json || bytes[at + 1] !== 32) return -1;
        } else if (
          byte === EQUALS &&
          startsLikeSerial(bytes[at + 1]!, bytes[at + 2]!, bytes[at + 3]!)
        ) {
          // JSON in base64; with a dot in it a token of JWT.
          if (bytes[at + 1] !== 101) return -1;
          json = true;
        } else if (byte === EQUALS && hidesText(bytes, at + 1)) return -1;
    }
  }
  return end;
}

/** rO0: a serialised object of Java in base64, wherever it begins. */
function endsJavaMark(bytes: Uint8Array, zero: number): boolean {
  return bytes[zero - 1] === 79 && bytes[zero - 2] === 114;
}

/** Whether a quote opens a cookie's value or ends one, rather than stands within (RFC 6265 §4.1.1). */
function bordersQuote(before: number | undefined, next: number | undefined): boolean {
  return before === EQUALS || next === SEMICOLON || next === 13 || next === 10;
}

/** The same for a value whose words count, and in which only a user agent has semicolons. */
function wordedValueEnd(bytes: Uint8Array, start: number, end: number, agent: boolean): number {
  const telling = agent ? WORD_SCANNER : WORD_SCANNER | WORD_SQL | WORD_HEADER;
  let hash = 0;
  // 1 or 1=1: a logical word and an equals sign, in either order
  let logic = false;
  let equals = false;
  let depth = 0; // parentheses of a browser's name
  if (agent && !startsWithLetter(bytes, start)) return -1;
  for (let at = start; at < end; at++) {
    const byte = bytes[at]!;
    const letter = LETTER_OF[byte]!;
    if (letter !== 0) {
      hash = wordHash(hash, letter);
      continue;
    }
    if (hash !== 0) {
      const words = WORD_FEATURE_OF[wordSlot(hash)]!;
      if ((words & telling) !== 0) return -1;
      if ((words & WORD_LOGIC) !== 0) logic = true;
      hash = 0;
      if (logic && equals && !agent) return -1;
    }
    if (byte === EQUALS && !agent) {
      if (logic) return -1;
      equals = true;
    }
    if (HEADER_STOPS[byte] === 1) {
      if (byte === 10) return at + 1;
      if (byte === 13 && bytes[at + 1] === 10) return at + 2;
      if (byte === 32 || byte === 9) continue;
      return -1;
    }
    if (byte === ZERO && endsJavaMark(bytes, at)) return -1;
    if (byte === DOT && bytes[at + 1] === DOT) return -1;
    if (agent) {
      if (byte === PAREN) depth++;
      else if (byte === PAREN + 1) depth--;
      else if (depth <= 0 && (byte === SEMICOLON || byte === COLON || byte === AMPERSAND))
        return -1;
      if (byte === 34) return -1;
    } else if (byte === SEMICOLON || byte === PAREN) return -1;
    else if (byte === DOT && isLinkLocal(bytes, at)) return -1;
    else if (byte === COLON && pointsInward(bytes, at)) return -1;
  }
  return end;
}

function startsWithLetter(bytes: Uint8Array, start: number): boolean {
  const first = bytes[start] === 32 ? bytes[start + 1]! : bytes[start]!;
  return LETTER_OF[first] !== 0 || first === 13 || first === 10;
}

/** Whether a Content-Type names no character set, or UTF-8. */
function namesUtf8(bytes: Uint8Array, start: number, end: number): boolean {
  for (let at = start; at < end && bytes[at] !== 10; at++) {
    if (bytes[at] !== EQUALS || (bytes[at - 1]! | 0x20) !== 116) continue;
    const quoted = bytes[at + 1] === 34 ? 1 : 0;
    const first = bytes[at + 1 + quoted]! | 0x20;
    return first === 117 && (bytes[at + 5 + quoted] === 56 || bytes[at + 4 + quoted] === 56);
  }
  return true;
}

/** %3A, %2C, %40: a colon, a comma, an at sign, which need company to mean anything. */
function isHarmlessEscape(bytes: Uint8Array, at: number): boolean {
  const first = bytes[at + 1];
  const second = bytes[at + 2]! | 0x20;
  if (first === 51) return second === 97;
  if (first === 50) return second === 99;
  return first === 52 && bytes[at + 2] === 48;
}

/** 1: stop and look, 2: judge by the neighbours, 0: go on. Control bytes and blanks are 1. */
function stops(characters: string, high: boolean): Uint8Array {
  const table = new Uint8Array(256);
  for (let byte = 0; byte < 256; byte++) {
    if (byte <= 32 || byte === 127 || (high && byte >= 128)) table[byte] = 1;
    else if (FEATURE_OF[byte] !== 0 && './=?*"~{;&!-'.includes(String.fromCharCode(byte)))
      table[byte] = 2;
  }
  for (const character of characters) table[character.charCodeAt(0)] = 1;
  return table;
}
