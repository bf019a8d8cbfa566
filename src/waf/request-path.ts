/**
 * The path of a request, for whatever decides by it: exceptions of the firewall, hashing, routes.
 * Only decisions are made by this: a server gets its target as it came.
 */

export interface RequestPath {
  /**
   * Without authority and query, dot segments resolved, percent-encoded unreserved characters
   * decoded, other triplets in upper case (RFC 3986 §6.2.2). `*` for a request about the server as
   * a whole; empty where the target has no known form.
   */
  readonly path: string;
  /**
   * Whether servers are known to read it otherwise. What is an exception from a rule must not hold
   * for it then: the server may serve another path than the one that was excepted.
   */
  readonly isAmbiguous: boolean;
}

/** @param target of a request line, in any form (RFC 9112 §3.2) */
export function requestPath(target: string): RequestPath {
  const path = pathIn(target);
  if (path === undefined) return NO_PATH;
  if (!UNUSUAL.test(path)) return { path, isAmbiguous: false };
  const decoded = path.replaceAll(TRIPLET, decodedTriplet);
  const segments = decoded.split('/');
  const isAmbiguous = AMBIGUOUS.test(decoded) || segments.some(isReadOtherwise);
  return { path: withoutDotSegments(segments), isAmbiguous };
}

const NO_PATH: RequestPath = { path: '', isAmbiguous: true };

/** What has to be looked at: most paths have nothing of the kind. */
const UNUSUAL = /[%;\\]|\/\/|\/\.\.?(?:\/|$)|[^\x21-\x7e]/;

/** The path as it came; undefined where the target has no known form. */
function pathIn(target: string): string | undefined {
  if (target.startsWith('/')) return upToQuery(target);
  if (target === '*') return target;
  const absolute = /^[a-z][a-z0-9+.-]*:\/\/[^/?#\\]+/i.exec(target);
  return absolute === null ? undefined : upToQuery(target.slice(absolute[0].length)) || '/';
}

function upToQuery(text: string): string {
  const end = text.search(/[?#]/);
  return end === -1 ? text : text.slice(0, end);
}

const TRIPLET = /%([0-9a-f]{2})/gi;
const UNRESERVED = /[\w.~-]/;

function decodedTriplet(triplet: string, digits: string): string {
  const character = String.fromCharCode(Number.parseInt(digits, 16));
  return UNRESERVED.test(character) ? character : triplet.toUpperCase();
}

/**
 * With unreserved characters decoded: a backslash (a slash to Windows and to browsers), slashes
 * that are encoded (decoded before or after the path is split), empty segments (merged by many), a
 * percent sign that encodes nothing, or encodes another one (decoded twice), control characters
 * (some end a string there), and bytes that only an overlong UTF-8 sequence has.
 */
const AMBIGUOUS = new RegExp(
  [
    '\\\\',
    '//',
    '%(?![0-9A-F]{2})',
    '%25[0-9A-Fa-f]{2}',
    '%(?:2F|5C|[01][0-9A-F]|7F)',
    '%C[01]',
    '%E0%[89]',
    '%F0%8',
    '[^\\x21-\\x7e]',
  ].join('|'),
);

/**
 * Dot segments are resolved by most servers and not by all; with a parameter behind the dots, or
 * with a parameter alone, a segment is one thing to Java's servers and another to the rest. A proxy
 * between us and them may have decoded the semicolon.
 */
function isReadOtherwise(segment: string): boolean {
  const end = segment.search(/;|%3B/);
  const bare = end === -1 ? segment : segment.slice(0, end);
  return bare === '.' || bare === '..' || (bare === '' && end === 0);
}

/** RFC 3986 §5.2.4. */
function withoutDotSegments(segments: readonly string[]): string {
  const kept: string[] = [];
  for (const segment of segments) {
    if (segment === '..') {
      if (kept.length > 1) kept.pop();
    } else if (segment !== '.') kept.push(segment);
  }
  const last = segments.at(-1);
  if (last === '.' || last === '..') kept.push('');
  return kept.length === 1 ? '/' : kept.join('/');
}
