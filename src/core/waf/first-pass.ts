/**
 * The first pass over raw bytes: most requests hold no byte and no word that any detector could
 * do something with, and one look at each byte says so. A `false` means only "look closer".
 */

import { startsLikeText } from './base64.ts';
import { SCANNERS } from './detect/scanner.ts';
import { startsLikeSerial } from './detect/serial.ts';
import {
  addWords,
  FEATURE_OF,
  LETTER_OF,
  WORD_BODY,
  WORD_COMMAND_NAME,
  WORD_FEATURE_OF,
  WORD_HEADER,
  WORD_LOGIC,
  WORD_PROBE,
  WORD_SCANNER,
  WORD_SQL,
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
  'cvs wwwroot sftp w parameters config id rsa dsa server privatekey wp inf meta phpinfo phpunit eval ignition telescope profiler app actuator heapdump jolokia trace elmah boaform hnap gponform tmunblock test nbproject yml local sites settings ormconfig goform setup wso alfa webshell backdoor scripts pma muieblackcat xmlrpc wlwmanifest debug laravel storage dump backup database db mysql www wwwroot docker composer credentials secrets appsettings configuration localsettings terraform etc passwd shadow proc win boot manager jmx console invoker solr struts wls async remote dana vpns cscoe mgmt tmui geoserver nacos druid cat adminer fckeditor kcfinder elfinder filemanager ckfinder uploadify evox nmaplowercheck nice hidden vendor ws sitemanager filezilla robots axis device currentsetting onvif portal stalker php global containers namespaces bak old orig save copy tmp swp swo sql tar tgz zip rar gz kdbx pfx ppk jks ovpn tfstate log inetpub windows winnt phpmyadmin admin administrator swagger graphiql crossdomain jenkins myadmin dbadmin package readme changelog install test owa autodiscover ecp dockerfile cgi key pem inc conf cfg ini keystore jsp asp aspx py yml yaml properties parameters luci stok action ssh env git svn hg bzr aws kube rb lock wordpress htdocs',
  WORD_PROBE,
);
addWords(
  'classloader proto prototype constructor definegetter definesetter lookupgetter lookupsetter constconstructorructor func invokefunction aced',
  WORD_COMMAND_NAME,
);

/** Bytes of a target that need no closer look; a dot is judged by its neighbours. */
const TARGET_STOPS = stops('\'"`<>()[]{};|$%\\+#^', true);
/** Bytes of a header's value that some attack needs. Quotes, brackets and semicolons are everyday. */
const HEADER_STOPS = stops("'`<>{}|$%\\", true);
/** Bytes of a body that some attack needs. */
const BODY_STOPS = stops("'`<>();|&$%\\=#", true);

const DOT = 46;
const SLASH = 47;
const EQUALS = 61;
const BRACE = 123;
const SEMICOLON = 59;
const COLON = 58;
const PAREN = 40;
const PERCENT = 37;
const AMPERSAND = 38;

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
  for (let at = start; at < end; at++) {
    const byte = bytes[at]!;
    const letter = LETTER_OF[byte]!;
    if (letter !== 0) {
      hash = wordHash(hash, letter);
      continue;
    }
    if (hash !== 0) {
      const words = WORD_FEATURE_OF[wordSlot(hash)]!;
      hash = 0;
      if ((words & (query ? WORD_COMMAND_NAME : WORD_PROBE)) !== 0) return -1;
    }
    switch (TARGET_STOPS[byte]) {
      case 0:
        break;
      case 1:
        return byte === 32 ? at : -1;
      default:
        if (byte === DOT) {
          const next = bytes[at + 1];
          if (next === DOT || bytes[at - 1] === SLASH) return -1;
          if (isLinkLocal(bytes, at)) return -1;
        } else if (byte === SLASH) {
          if (query || hidesText(bytes, at + 1)) return -1;
        } else if (byte === 63) {
          if (query) return -1; // a wildcard, as in /e?c/p?sswd
          query = true;
        } else if (byte === 126) {
          if (!query) return -1; // index.php~
        } else if (byte === EQUALS && hidesText(bytes, at + 1)) return -1;
    }
  }
  return -1;
}

/** Index after the line, -1 when something in it deserves a look. */
function valueEnd(bytes: Uint8Array, start: number, end: number, cookie: boolean): number {
  let json = false;
  for (let at = start; at < end; at++) {
    const byte = bytes[at]!;
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
        // Bearer rO0...: a serialised object of Java in base64
        if (bytes[at + 1] === 114 && bytes[at + 2] === 79 && bytes[at + 3] === 48) return -1;
        break;
      default:
        if (byte === DOT) {
          if (bytes[at + 1] === DOT) return -1;
          json = false;
        } else if (!cookie) break;
        else if (byte === SLASH) return -1;
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
      if (bytes[at + 1] === 114 && bytes[at + 2] === 79 && bytes[at + 3] === 48) return -1; // rO0
      if (byte === 32 || byte === 9) continue;
      return -1;
    }
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
  let hash = 0;
  const end = bytes.length;
  if (end > 0 && (bytes[0] === 0 || bytes[0]! >= 0x80)) return false;
  if (end > 2 && startsLikeSerial(bytes[0]!, bytes[1]!, bytes[2]!)) return false;
  for (let at = 0; at < end; at++) {
    const byte = bytes[at]!;
    const letter = LETTER_OF[byte]!;
    if (letter !== 0) {
      hash = wordHash(hash, letter);
      continue;
    }
    if (hash !== 0) {
      const words = WORD_FEATURE_OF[wordSlot(hash)]!;
      if ((words & WORD_BODY) !== 0) return false;
      if ((words & WORD_LOGIC) !== 0 && followsNumber(bytes, at - 1)) return false;
      hash = 0;
    }
    switch (BODY_STOPS[byte]) {
      case 0:
        break;
      case 1:
        if (byte !== 32 && byte !== 10 && byte !== 13 && byte !== 9) return false;
        break;
      default:
        if (byte === DOT && (bytes[at + 1] === DOT || isLinkLocal(bytes, at))) return false;
        if ((byte === 63 || byte === 42) && isWildcard(bytes, at)) return false;
        if (byte === BRACE && !opensObject(bytes[at + 1])) return false;
        if (byte === 34 && hidesText(bytes, at + 1)) return false;
    }
  }
  return hash === 0 || (WORD_FEATURE_OF[wordSlot(hash)]! & WORD_BODY) === 0;
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
  const first = bytes[at]!;
  if (startsLikeSerial(first, bytes[at + 1]!, bytes[at + 2]!)) return true;
  if (!startsLikeText(first, bytes[at + 1]!, bytes[at + 2]!, bytes[at + 3]!)) return false;
  // Words look like it too; a text as a whole shows in groups of four.
  for (let group = 4; group < HIDDEN_BYTES_MIN; group += 4) {
    const start = at + group;
    if (!startsLikeText(bytes[start]!, bytes[start + 1]!, bytes[start + 2]!, bytes[start + 3]!))
      return false;
  }
  return true;
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

/** `.254.` as in 169.254.169.254, the address of a cloud's secrets. */
function isLinkLocal(bytes: Uint8Array, dot: number): boolean {
  return bytes[dot + 1] === 50 && bytes[dot + 2] === 53 && bytes[dot + 3] === 52;
}

/** 1: stop and look, 2: judge by the neighbours, 0: go on. Control bytes and blanks are 1. */
function stops(characters: string, high: boolean): Uint8Array {
  const table = new Uint8Array(256);
  for (let byte = 0; byte < 256; byte++) {
    if (byte <= 32 || byte === 127 || (high && byte >= 128)) table[byte] = 1;
    else if (FEATURE_OF[byte] !== 0 && './=?*"~{;'.includes(String.fromCharCode(byte)))
      table[byte] = 2;
  }
  for (const character of characters) table[character.charCodeAt(0)] = 1;
  return table;
}
