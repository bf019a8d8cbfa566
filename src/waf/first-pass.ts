/**
 * The first pass over raw bytes: most requests hold no byte and no word that any detector could
 * do something with, and one look at each byte says so. A `false` means only "look closer".
 */

import { startsLikeText } from './base64.ts';
import { SCANNERS } from './detect/scanner-names.ts';
import { startsLikeSerial } from './detect/serial.ts';
import {
  addWords,
  AT as F_AT,
  BRACKET as F_BRACKET,
  COLON as F_COLON,
  DOT as F_DOT,
  PLUS as F_PLUS,
  SLASH as F_SLASH,
  STAR as F_STAR,
  FEATURE_OF,
  LETTER_OF,
  WORD_BODY,
  WORD_CALLER,
  WORD_CODE,
  WORD_COMMAND,
  WORD_COMMAND_NAME,
  WORD_FEATURE_OF,
  WORD_FILE,
  WORD_HEADER,
  WORD_LOGIC,
  WORD_PROBE,
  WORD_REMOTE,
  WORD_SCANNER,
  WORD_SCRIPT,
  WORD_SQL,
  WORD_STRONG,
  WORD_TYPE,
  WORD_URL,
  WORD_XML,
  wordHash,
  wordSlot,
} from './features.ts';

addWords(SCANNERS, WORD_SCANNER);
addWords(
  'scan scanner scripting security fuzz attack exploit hacker pentest vulnerability shellshock webbandit hello explore tcpid injector brutus grabber paros metis stealth project pwn datacha uil torch blackwidow collaborator zed aced af',
  WORD_SCANNER,
);
/** Words of the paths that scanners ask for (detect/scanner.ts); each probe holds one, or a `/.`. */
addWords(
  'cvs wwwroot sftp w parameters config id rsa dsa server privatekey wp inf meta phpinfo phpunit eval ignition telescope profiler app actuator heapdump jolokia trace elmah boaform hnap gponform tmunblock test nbproject yml local sites settings ormconfig goform setup wso alfa webshell backdoor scripts pma muieblackcat xmlrpc wlwmanifest debug laravel storage dump backup database db mysql www wwwroot docker composer credentials secrets appsettings configuration localsettings terraform etc passwd shadow proc win boot manager jmx console invoker solr struts wls async remote dana vpns cscoe mgmt tmui geoserver nacos druid cat adminer fckeditor kcfinder elfinder filemanager ckfinder uploadify evox nmaplowercheck nice hidden vendor ws sitemanager filezilla robots axis device currentsetting onvif portal stalker php global containers namespaces bak old orig save copy tmp swp swo sql tar tgz zip rar gz kdbx pfx ppk jks ovpn tfstate log inetpub windows winnt phpmyadmin admin administrator swagger graphiql crossdomain jenkins myadmin dbadmin package readme changelog install test owa autodiscover ecp dockerfile cgi key pem inc conf cfg ini keystore jsp asp aspx py yml yaml properties parameters luci stok action ssh env xampp adm function git svn hg bzr aws kube rb lock wordpress htdocs',
  WORD_PROBE,
);
/** Words that mean something by themselves in a value, and seldom stand in one. */
const STRONG =
  'classloader proto prototype constructor definegetter definesetter lookupgetter lookupsetter constconstructorructor func invokefunction aced ffffffff javax ysoserial objectdataprovider textformattingrunproperties cmdshell dbms utl sysobjects springframework groovy mchange zaxxer qos caucho ibatis xalan automation windowsidentity componentmodel bindingsource fileinfo roleprincipal losformatter mainmodule binding dlopen getruntime diagnostics ognl popen methodaccessor phpinfo javascript vbscript livescript jscript shutdown schema zlib phar lampp spool';
addWords(STRONG, WORD_STRONG);
addWords(
  'select declare truncate exec ssh call java runtime kernel prepend include function into apache sun configuration python ruby process deno',
  WORD_COMMAND_NAME,
);

const BANG = 33;
const ZERO = 48;
const COMMA = 44;
const HYPHEN = 45;
const DOT = 46;
const STAR = 42;
const SLASH = 47;
const QUOTE = 34;
const EQUALS = 61;
const BRACE = 123;
const BRACKET = 91;
const SEMICOLON = 59;
const COLON = 58;
const PAREN = 40;
const PERCENT = 37;
const AMPERSAND = 38;

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
const WORDS_OF_QUERY = WORD_COMMAND_NAME | WORD_STRONG;
const WORDS_OF_PATH = WORD_PROBE | WORD_STRONG;
const WORDS_OF_BODY = WORD_BODY | WORD_STRONG;
const WORDS_WITH_OPERATORS = WORDS_WITH_SYMBOLS | WORD_LOGIC;

/** Bytes of a target that need no closer look; a dot is judged by its neighbours. */
const TARGET_STOPS = stops('\'"`<>()[]{};|$%\\+#^', true);
/** Bytes of a header's value that some attack needs. Quotes, brackets and semicolons are everyday. */
const HEADER_STOPS = stops("'`<>{}|$%\\", true);
HEADER_STOPS[ZERO] = 2;
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

/** What a byte of a value means to some grammar; blanks and the signs of a sentence mean nothing. */
function symbolOf(bytes: Uint8Array, at: number): number {
  const byte = bytes[at]!;
  if (byte === DOT) return LETTER_OF[bytes[at + 1]!] !== 0 ? SYMBOL_DOT : 0;
  if (byte === COLON) return bytes[at + 1]! > 32 ? SYMBOL_COLON : 0;
  return FEATURE_OF[byte]! & SYMBOLS;
}

/** Whether a value of such symbols and words may mean something. */
function mayMean(symbols: number, words: number): boolean {
  if (symbols === 0) return false;
  return (words & ((symbols & OPERATORS) === 0 ? WORDS_WITH_SYMBOLS : WORDS_WITH_OPERATORS)) !== 0;
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

/** `1 or`: whether a number stands before the word that ends at `last`. */
function followsNumber(bytes: Uint8Array, last: number): boolean {
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

function hidesText(bytes: Uint8Array, at: number): boolean {
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

/** `--exec`, `-oProxyCommand`: an option at the beginning of a word may hand on a program. */
function startsOption(bytes: Uint8Array, at: number): boolean {
  const next = bytes[at + 1]!;
  if (next === HYPHEN ? LETTER_OF[bytes[at + 2]!] === 0 : (next | 0x20) !== 111) return false;
  const before = bytes[at - 1];
  return before === undefined || (FEATURE_OF[before] !== 0 && before !== HYPHEN);
}

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

/** `://` behind no `http` or `https`, or before a number: an address that is judged. */
function pointsInward(bytes: Uint8Array, colon: number): boolean {
  if (bytes[colon + 1] !== SLASH || bytes[colon + 2] !== SLASH) return false;
  const next = bytes[colon + 3]!;
  if ((next >= 48 && next <= 57) || next === 91) return true;
  const p = (bytes[colon - 1]! | 0x20) === 115 ? colon - 2 : colon - 1; // https, http
  return (
    (bytes[p]! | 0x20) !== 112 || (bytes[p - 1]! | 0x20) !== 116 || (bytes[p - 2]! | 0x20) !== 116
  );
}

/** `.254.` as in 169.254.169.254, and `.200` of 100.100.100.200: addresses of clouds' secrets. */
function isLinkLocal(bytes: Uint8Array, dot: number): boolean {
  if (bytes[dot + 1] !== 50) return false;
  return bytes[dot + 2] === 53 ? bytes[dot + 3] === 52 : isAlibabas(bytes, dot);
}

/** `.200` behind `100.`. */
function isAlibabas(bytes: Uint8Array, dot: number): boolean {
  return bytes[dot + 2] === ZERO && bytes[dot + 3] === ZERO && bytes[dot - 1] === ZERO;
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
