/** Byte classes of HTTP/1.1 as tables: one load answers what a byte may be. RFC 9110 §5, RFC 9112. */

export const HTAB = 9;
export const LF = 10;
export const CR = 13;
export const SP = 32;
export const QUOTE = 34;
export const ASTERISK = 42;
export const COMMA = 44;
export const HYPHEN = 45;
export const SLASH = 47;
export const COLON = 58;
export const SEMICOLON = 59;
export const EQUALS = 61;
export const BRACKET = 91;
export const BACKSLASH = 92;
export const BRACKET_END = 93;

/** A tchar gives its lower-case byte (never 0), anything else 0. RFC 9110 §5.6.2. */
export const TOKEN_LOWER = table((_byte, char) =>
  /[!#$%&'*+\-.^_`|~0-9A-Za-z]/.test(char) ? char.toLowerCase().charCodeAt(0) : 0,
);

/**
 * A tchar as it looks to a server that knows header names as variables (CGI, RFC 3875 §4.1.18):
 * letters in lower case, digits, and a hyphen for all else. Anything else gives 0.
 */
export const TOKEN_FOLDED = table((_byte, char) => {
  if (/[0-9A-Za-z]/.test(char)) return char.toLowerCase().charCodeAt(0);
  return /[!#$%&'*+\-.^_`|~]/.test(char) ? HYPHEN : 0;
});

/** Bytes of a field value: visible ones, space, tab and obs-text; no other control. RFC 9110 §5.5. */
export const IS_FIELD_VALUE = table((byte) =>
  byte === HTAB || (byte >= 0x20 && byte !== 0x7f) ? 1 : 0,
);

/**
 * Bytes of a request target: visible US-ASCII without `#`. Browsers and tools send a few bytes
 * that RFC 3986 wants escaped (`|`, `{`, `"`), and no server reads those in two ways; a fragment,
 * a space, a control or a raw 8-bit byte is refused.
 */
export const IS_TARGET = table((byte) => (byte > 0x20 && byte < 0x7f && byte !== 0x23 ? 1 : 0));

/**
 * Bytes of a host name: reg-name of RFC 3986 §3.2.2, without the comma. No host has one, but two
 * Host fields that a hop made one of do.
 */
export const IS_HOST_NAME = table((_byte, char) =>
  /[-A-Za-z0-9._~!$&'()*+;=%]/.test(char) ? 1 : 0,
);

/** Bytes between the brackets of an IP literal, a future version's included. RFC 3986 §3.2.2. */
export const IS_IP_LITERAL = table((_byte, char) =>
  /[-A-Za-z0-9._~!$&'()*+,;=:]/.test(char) ? 1 : 0,
);

/** The value of a hexadecimal digit plus one, or 0. */
export const HEX_PLUS_ONE = table((_byte, char) =>
  /[0-9A-Fa-f]/.test(char) ? Number.parseInt(char, 16) + 1 : 0,
);

function table(classify: (byte: number, char: string) => number): Uint8Array {
  return Uint8Array.from({ length: 256 }, (_, byte) => classify(byte, String.fromCharCode(byte)));
}
