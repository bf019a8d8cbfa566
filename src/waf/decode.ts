/**
 * Undoing what hides an attack: percent signs, %u, UTF-8 that is longer than it need be, full-width
 * forms, HTML entities, \x and \u escapes, bytes that are dropped on the way.
 *
 * An application decodes a value once, some twice, some as UTF-8 and some as HTML. Nobody at the
 * edge knows which, so a value is looked at as sent and after each further round, until a round
 * changes nothing or ROUNDS_MAX is reached. Each round is linear.
 */

/** Rounds of decoding beyond the application's own. */
export const ROUNDS_MAX = 4;

const ENTITIES: ReadonlyMap<string, string> = new Map(
  Object.entries({
    lt: '<',
    gt: '>',
    amp: '&',
    quot: '"',
    apos: "'",
    colon: ':',
    lpar: '(',
    rpar: ')',
    sol: '/',
    bsol: '\\',
    nbsp: ' ',
    tab: '\t',
    newline: '\n',
    lbrace: '{',
    lcub: '{',
    rbrace: '}',
    rcub: '}',
    equals: '=',
    semi: ';',
    excl: '!',
    num: '#',
    dollar: '$',
    percnt: '%',
    comma: ',',
    period: '.',
    plus: '+',
    ast: '*',
    lsqb: '[',
    rsqb: ']',
    lbrack: '[',
    rbrack: ']',
    grave: '`',
    verbar: '|',
    vert: '|',
  }),
);
const ENTITY_LENGTH_MAX = 10;

/** Value of a hexadecimal digit's code, -1 for anything else. */
export function hex(code: number): number {
  if (code >= 48 && code <= 57) return code - 48;
  const lower = code | 0x20;
  return lower >= 97 && lower <= 102 ? lower - 87 : -1;
}

/** Percent-decodes once, `%uXXXX` included, and reads the result as UTF-8 where it is that. */
export function decodePercent(text: string, plusIsSpace: boolean): string {
  let out = '';
  let from = 0;
  let high = false;
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at);
    if (code >= 0x80) high = true;
    if (code === 43 && plusIsSpace) {
      out += `${text.slice(from, at)} `;
      from = at + 1;
    } else if (code === 37) {
      const long = text.charCodeAt(at + 1) | 0x20;
      const width = long === 117 ? 4 : 2;
      const start = at + (width === 4 ? 2 : 1);
      const value = hexRun(text, start, width);
      if (value < 0) continue;
      if (value >= 0x80) high = true;
      out += text.slice(from, at) + String.fromCharCode(value);
      from = start + width;
      at = from - 1;
    }
  }
  const decoded = from === 0 ? text : out + text.slice(from);
  return high ? lenientUtf8(decoded) : decoded;
}

/**
 * Of the last `unfold`: whether it put anything but ampersands in place (`&amp;` is everyday HTML),
 * and whether it took a NUL out that was written with a percent sign.
 */
export const unfolded = { telling: false, nul: false };

/**
 * One more round of decoding by every scheme at once; the same string when nothing changes.
 * @param text characters as the application would see them
 */
export function unfold(text: string): string {
  unfolded.telling = false;
  unfolded.nul = false;
  let out = '';
  let from = 0;
  let high = false;
  let dropping = false;
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at);
    let value = -1;
    let length = 0;
    if (code === 37) {
      const wide = (text.charCodeAt(at + 1) | 0x20) === 117;
      value = wide ? hexRun(text, at + 2, 4) : hexRun(text, at + 1, 2);
      length = wide ? 6 : 3;
      if (value < 0 && (dropping || text.charCodeAt(at + 2) === 37)) {
        // %S%E%L: classic ASP drops a percent sign that begins nothing.
        dropping = true;
        out += text.slice(from, at);
        from = at + 1;
        unfolded.telling = true;
      }
    } else if (code === 92) {
      const kind = text.charCodeAt(at + 1);
      if (kind === 117) {
        const braced = text.charCodeAt(at + 2) === 123;
        value = braced ? bracedHex(text, at + 3) : hexRun(text, at + 2, 4);
        if (value >= 0) length = braced ? text.indexOf('}', at) - at + 1 : 6;
      } else if (kind === 120) {
        value = hexRun(text, at + 2, 2);
        length = 4;
      } else if (kind >= 48 && kind <= 55) {
        const octal = octalSymbol(text, at + 1);
        value = octal.value;
        length = octal.length;
      }
    } else if (code === 38) {
      const end = entityEnd(text, at);
      if (end > 0) {
        value = entityValue(text, at, end);
        length = end - at;
      }
    } else if (code >= 0x80 || code === 0) {
      if (code >= 0x80 && code < 0x100) high = true;
      const plain = plainOf(code);
      if (plain !== code || code === 0) {
        unfolded.telling = true;
        out += text.slice(from, at) + (plain === 0 ? '' : String.fromCharCode(plain));
        from = at + 1;
      }
      continue;
    }
    if (value < 0) continue;
    if (value >= 0x80 && value < 0x100) high = true;
    if (value !== 38 || code !== 38) unfolded.telling = true;
    if (value === 0 && code === 37) unfolded.nul = true;
    out += text.slice(from, at) + (value === 0 ? '' : String.fromCodePoint(value));
    from = at + length;
    at = from - 1;
  }
  const decoded = from === 0 ? text : out + text.slice(from);
  if (!high) return decoded;
  unfolded.telling = true;
  return lenientUtf8(decoded);
}

/**
 * Reads code units below 256 as UTF-8 bytes where they form a sequence, overlong ones included
 * (0xC0 0xAF is a slash to a decoder that does not check), and leaves the rest as it is.
 */
export function lenientUtf8(text: string): string {
  let out = '';
  let from = 0;
  for (let at = 0; at < text.length; at++) {
    const lead = text.charCodeAt(at);
    if (lead < 0xc0 || lead > 0xf7) continue;
    const more = lead < 0xe0 ? 1 : lead < 0xf0 ? 2 : 3;
    let value = lead & (0x3f >> more);
    let read = 1;
    for (; read <= more; read++) {
      const next = text.charCodeAt(at + read);
      if (!(next >= 0x80 && next <= 0xbf)) break;
      value = (value << 6) | (next & 0x3f);
    }
    if (read <= more && lead === 0xc0 && './\\'.includes(text[at + 1] ?? ' ')) {
      // %c0%2e: a decoder that looks at six bits of the second byte reads a dot.
      out += text.slice(from, at);
      from = at + 1;
      continue;
    }
    if (read <= more || value > 0x10ffff) continue;
    out += text.slice(from, at) + String.fromCodePoint(value);
    from = at + more + 1;
    at = from - 1;
  }
  return from === 0 ? text : out + text.slice(from);
}

/** Whether raw percent-encoding spells an ASCII character in more bytes than it need (%c0%af, %e0%80%af). */
export function hasOverlong(raw: string): boolean {
  for (let at = raw.indexOf('%'); at !== -1 && at + 5 < raw.length; at = raw.indexOf('%', at + 1)) {
    const lead = hexRun(raw, at + 1, 2);
    if (lead !== 0xc0 && lead !== 0xc1 && lead !== 0xe0 && lead !== 0xf0) continue;
    if (raw.charCodeAt(at + 3) !== 37) continue;
    const next = hexRun(raw, at + 4, 2);
    if (lead >= 0xe0) {
      if (next >= 0x80 && next < (lead === 0xe0 ? 0xa0 : 0x90)) return true;
      continue;
    }
    if (next >= 0x80 && next <= 0xbf) return true;
    if (lead === 0xc0 && (next === 0x2e || next === 0x2f || next === 0x5c)) return true;
  }
  return false;
}

/** The ASCII character that a look-alike stands for, 0 for one that vanishes, else itself. */
function plainOf(code: number): number {
  if (code >= 0xff01 && code <= 0xff5e) return code - 0xfee0;
  switch (code) {
    case 0: // C strings and lax filters drop it
    case 0xad: // soft hyphen
    case 0x200b:
    case 0x200c:
    case 0x200d:
    case 0x2060:
    case 0xfeff:
      return 0;
    case 0xa0:
    case 0x3000:
    case 0x2028:
    case 0x2029:
      return 32;
    case 0x2b9:
    case 0x2bc:
    case 0x2c8:
      return 39;
    case 0x2ba:
      return 34;
    case 0x2044:
    case 0x2215:
    case 0x29f8:
    case 0xefc8: // what lax decoders of %u make of a slash
    case 0xf025:
      return 47;
    case 0x2216:
    case 0x29f5:
    case 0x29f9:
      return 92;
    case 0x2024:
      return 46;
    case 0x2025: // two dots: one is enough for the climb that `..` makes when doubled
      return 46;
    case 0xfe64:
    case 0x2039:
    case 0x3008:
      return 60;
    case 0xfe65:
    case 0x203a:
    case 0x3009:
      return 62;
    default:
      return code;
  }
}

/** \74 and \074: a character that some grammar gives a meaning, in octal digits. */
function octalSymbol(text: string, at: number): { value: number; length: number } {
  const digits = /^[0-7]{2,3}/.exec(text.slice(at, at + 3))?.[0] ?? '';
  const value = Number.parseInt(digits, 8);
  return value > 32 && '<>"\'()/;='.includes(String.fromCharCode(value))
    ? { value, length: digits.length + 1 }
    : { value: -1, length: 0 };
}

function hexRun(text: string, start: number, width: number): number {
  if (start + width > text.length) return -1;
  let value = 0;
  for (let at = start; at < start + width; at++) {
    const digit = hex(text.charCodeAt(at));
    if (digit < 0) return -1;
    value = value * 16 + digit;
  }
  return value;
}

function bracedHex(text: string, start: number): number {
  let value = 0;
  for (let at = start; at < start + 7; at++) {
    const code = text.charCodeAt(at);
    if (code === 125) return at > start && value <= 0x10ffff ? value : -1;
    const digit = hex(code);
    if (digit < 0) return -1;
    value = value * 16 + digit;
  }
  return -1;
}

/** End of the entity that begins at an ampersand, 0 when there is none. */
function entityEnd(text: string, at: number): number {
  let end = at + 1;
  const numeric = text.charCodeAt(end) === 35;
  if (numeric) end += (text.charCodeAt(end + 1) | 0x20) === 120 ? 2 : 1;
  const body = end;
  const limit = Math.min(text.length, body + ENTITY_LENGTH_MAX);
  while (end < limit) {
    const code = text.charCodeAt(end);
    const inside = numeric ? hex(code) >= 0 : (code | 0x20) >= 97 && (code | 0x20) <= 122;
    if (!inside) break;
    end++;
  }
  if (end === body) return 0;
  if (text.charCodeAt(end) === 59) return end + 1;
  // Browsers end a numeric entity, and the oldest named ones, without a semicolon too.
  if (numeric) return end;
  const name = text.slice(at + 1, end).toLowerCase();
  return name === 'lt' || name === 'gt' || name === 'quot' ? end : 0;
}

function entityValue(text: string, at: number, end: number): number {
  const body = text.slice(at + 1, text.charCodeAt(end - 1) === 59 ? end - 1 : end);
  if (body.charCodeAt(0) !== 35) return ENTITIES.get(body.toLowerCase())?.charCodeAt(0) ?? -1;
  const sixteen = (body.charCodeAt(1) | 0x20) === 120;
  const value = sixteen ? Number.parseInt(body.slice(2), 16) : Number.parseInt(body.slice(1), 10);
  return value > 0 && value <= 0x10ffff ? value : -1;
}
