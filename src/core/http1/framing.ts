/**
 * Where a message's body ends, and what its Connection header says. RFC 9112 §6 and §9; all that
 * the RFC calls ambiguous is refused, as every ambiguity between two readers is a smuggling hole.
 */
import { ASTERISK, COMMA, HTAB, SLASH, SP, TOKEN_LOWER } from './chars.ts';
import type { Fault } from './faults.ts';
import type { Head } from './head.ts';
import { NAME, PROXY_ONLY, PROXY_PREFIX } from './names.ts';
import { type AbsoluteTarget, isHost, parseAbsoluteTarget } from './target.ts';

/** How the end of a body is found. */
export const BODY = { none: 0, length: 1, chunked: 2, untilClose: 3 } as const;
export type BodyKind = (typeof BODY)[keyof typeof BODY];

/** What framing found out; one object a thread and direction, filled anew for each head. */
export class Framing {
  body: BodyKind = BODY.none;
  /** Bytes of the body where `body` is BODY.length. */
  contentLength = 0;
  /** Whether the peer keeps the connection open after this message. */
  keepAlive = true;
  /** Whether Connection names `upgrade` and an Upgrade header stands there. */
  upgrade = false;
  /** Requests: the target taken apart, where it is in absolute form. */
  absolute: AbsoluteTarget | undefined;
  /** Requests: whether `Expect: 100-continue` was sent. */
  expectContinue = false;
  /** Responses: the seconds of `Keep-Alive: timeout=N`, -1 where there is none. */
  keepAliveSeconds = -1;
}

const CLOSE = 1;
const KEEP_ALIVE = 2;
const UPGRADE = 4;
const TOO_MANY = 8;
/** Each option is looked for among all header lines: without a bound that work would be a weapon. */
const OPTIONS_MAX = 100;

/** Headers that a Connection header cannot take away: a client would unsay what we or it said. */
const UNTOUCHABLE =
  (1 << NAME.host) |
  (1 << NAME.contentLength) |
  (1 << NAME.transferEncoding) |
  (1 << NAME.xForwardedFor) |
  (1 << NAME.xForwardedProto) |
  (1 << NAME.xForwardedHost) |
  (1 << NAME.forwarded) |
  (1 << NAME.via) |
  (1 << NAME.xRequestId) |
  (1 << NAME.clientCert) |
  (1 << NAME.proxyOnly);

const REQUEST_INTEREST = bits(
  NAME.connection,
  NAME.contentLength,
  NAME.transferEncoding,
  NAME.expect,
  NAME.upgrade,
);

/** @returns the fault that makes the request refused, or undefined */
export function frameRequest(head: Head, framing: Framing): Fault | undefined {
  framing.body = BODY.none;
  framing.contentLength = 0;
  framing.keepAlive = head.minorVersion === 1;
  framing.upgrade = false;
  framing.expectContinue = false;
  framing.absolute = undefined;

  if (head.bytes[head.targetStart] !== SLASH && head.method !== 'CONNECT' && !isAsterisk(head)) {
    framing.absolute = parseAbsoluteTarget(head.target());
    if (framing.absolute === undefined) return 'bad_target';
  }
  if (!head.has(NAME.host)) {
    if (head.minorVersion === 1) return 'missing_host';
  } else {
    if ((head.repeated & (1 << NAME.host)) !== 0) return 'repeated_host';
    const index = head.find(NAME.host);
    const start = head.valueStarts[index]!;
    const end = head.valueEnds[index]!;
    if (!isHost(head.bytes, start, end)) return 'bad_host';
    // An http URI has a host (RFC 9110 §4.2.1); that of an absolute target is taken instead.
    if (start === end && framing.absolute === undefined) return 'bad_host';
  }
  if ((head.seen & REQUEST_INTEREST) === 0) return undefined;

  if (head.has(NAME.connection)) {
    const said = readConnection(head);
    if ((said & TOO_MANY) !== 0) return 'too_many_options';
    if ((said & CLOSE) !== 0) framing.keepAlive = false;
    else if ((said & KEEP_ALIVE) !== 0) framing.keepAlive = true;
    framing.upgrade =
      (said & UPGRADE) !== 0 && head.minorVersion === 1 && head.has(NAME.upgrade) && !isH2c(head);
  }
  if (head.has(NAME.expect) && head.minorVersion === 1) {
    if (!/^100-continue(\s*,\s*100-continue)*$/i.test(head.joined(NAME.expect)!)) {
      return 'unsupported_expectation';
    }
    framing.expectContinue = true;
  }
  if (head.has(NAME.transferEncoding)) {
    if (head.minorVersion === 0) return 'transfer_encoding_in_http10';
    if (head.has(NAME.contentLength)) return 'length_with_transfer_encoding';
    framing.body = BODY.chunked;
    return transferEncodingFault(head);
  }
  return readContentLength(head, framing);
}

/** `OPTIONS *` is about the server as a whole (RFC 9112 §3.2.4). */
function isAsterisk({ bytes, method, targetStart, targetEnd }: Head): boolean {
  return method === 'OPTIONS' && targetEnd === targetStart + 1 && bytes[targetStart] === ASTERISK;
}

const RESPONSE_INTEREST = bits(NAME.connection, NAME.keepAlive);

/**
 * @param method of the request that is answered: HEAD and CONNECT decide about the body
 * @returns the fault that makes the response refused, or undefined
 */
export function frameResponse(head: Head, framing: Framing, method: string): Fault | undefined {
  framing.body = BODY.none;
  framing.contentLength = 0;
  framing.keepAlive = head.minorVersion === 1;
  framing.upgrade = false;
  framing.keepAliveSeconds = -1;

  if ((head.seen & RESPONSE_INTEREST) !== 0) {
    if (head.has(NAME.connection)) {
      const said = readConnection(head);
      if ((said & TOO_MANY) !== 0) return 'too_many_options';
      if ((said & CLOSE) !== 0) framing.keepAlive = false;
      else if ((said & KEEP_ALIVE) !== 0) framing.keepAlive = true;
      framing.upgrade = (said & UPGRADE) !== 0 && head.has(NAME.upgrade);
    }
    if (head.has(NAME.keepAlive)) {
      const match = /timeout\s*=\s*"?(\d{1,9})/i.exec(head.joined(NAME.keepAlive)!);
      if (match !== null) framing.keepAliveSeconds = Number(match[1]);
    }
  }
  const status = head.status;
  if (status < 200) return undefined;
  if (head.has(NAME.transferEncoding)) {
    if (head.has(NAME.contentLength)) return 'length_with_transfer_encoding';
    if (head.minorVersion === 0) return 'transfer_encoding_in_http10';
    const fault = transferEncodingFault(head);
    if (fault !== undefined) return fault;
    framing.body = BODY.chunked;
  } else if (head.has(NAME.contentLength)) {
    const fault = readContentLength(head, framing);
    if (fault !== undefined) return fault;
  } else {
    framing.body = BODY.untilClose;
  }
  // The header lines of these may name a body, but none follows (RFC 9110 §6.4.1).
  if (method === 'HEAD' || status === 204 || status === 304) framing.body = BODY.none;
  if (framing.body === BODY.untilClose) framing.keepAlive = false;
  return undefined;
}

function readContentLength(head: Head, framing: Framing): Fault | undefined {
  if (!head.has(NAME.contentLength)) return undefined;
  if ((head.repeated & (1 << NAME.contentLength)) !== 0) return 'repeated_content_length';
  const index = head.find(NAME.contentLength);
  const start = head.valueStarts[index]!;
  const end = head.valueEnds[index]!;
  if (start === end) return 'bad_content_length';
  let length = 0;
  for (let at = start; at < end; at++) {
    const digit = head.bytes[at]! - 48;
    if (digit < 0 || digit > 9) {
      return head.bytes[at] === COMMA ? 'repeated_content_length' : 'bad_content_length';
    }
    length = length * 10 + digit;
    // A petabyte: no overflow (RFC 9112 §6.3), and still exact in a double.
    if (length > 1e15) return 'bad_content_length';
  }
  framing.contentLength = length;
  framing.body = length === 0 ? BODY.none : BODY.length;
  return undefined;
}

function transferEncodingFault(head: Head): Fault | undefined {
  const codings = head.joined(NAME.transferEncoding)!.toLowerCase();
  if (codings === 'chunked') return undefined;
  const list = codings.split(',').map((coding) => coding.trim());
  const chunkedOnlyLast = list.indexOf('chunked') === list.length - 1;
  return chunkedOnlyLast && list.every((coding) => /^[a-z][a-z0-9-]*$/.test(coding))
    ? 'unsupported_transfer_encoding'
    : 'bad_transfer_encoding';
}

/** Reads the Connection list, marks the fields it names in `head.named`, gives the flags. */
function readConnection(head: Head): number {
  const { bytes, ids, valueStarts, valueEnds, named, fieldCount } = head;
  let said = 0;
  let options = 0;
  for (let index = 0; index < fieldCount; index++) named[index] = 0;
  for (let index = 0; index < fieldCount; index++) {
    if (ids[index] !== NAME.connection) continue;
    const end = valueEnds[index]!;
    let at = valueStarts[index]!;
    while (at < end) {
      const start = at;
      while (at < end && bytes[at] !== COMMA) at++;
      options += 1;
      if (options > OPTIONS_MAX) return TOO_MANY;
      said |= readOption(head, start, at);
      at += 1;
    }
  }
  return said;
}

function readOption(head: Head, from: number, to: number): number {
  const { bytes } = head;
  let start = from;
  let end = to;
  while (start < end && (bytes[start] === SP || bytes[start] === HTAB)) start++;
  while (end > start && (bytes[end - 1] === SP || bytes[end - 1] === HTAB)) end--;
  if (isWord(bytes, start, end, 'keep-alive')) return KEEP_ALIVE;
  if (isWord(bytes, start, end, 'close')) return CLOSE;
  if (isWord(bytes, start, end, 'upgrade')) return UPGRADE;
  if (start < end) markNamed(head, start, end);
  return 0;
}

/** Whether the bytes are a word, in any case; `word` is in lower case. */
function isWord(bytes: Buffer, start: number, end: number, word: string): boolean {
  if (end - start !== word.length) return false;
  for (let at = 0; at < word.length; at++) {
    if (TOKEN_LOWER[bytes[start + at]!] !== word.charCodeAt(at)) return false;
  }
  return true;
}

function markNamed(head: Head, start: number, end: number): void {
  const { bytes, ids, nameStarts, nameEnds, fieldCount } = head;
  for (let index = 0; index < fieldCount; index++) {
    const nameStart = nameStarts[index]!;
    if (nameEnds[index]! - nameStart !== end - start) continue;
    let at = start;
    while (at < end && TOKEN_LOWER[bytes[at]!] === TOKEN_LOWER[bytes[nameStart + at - start]!])
      at++;
    if (at === end && (UNTOUCHABLE & (1 << ids[index]!)) === 0) head.named[index] = 1;
  }
}

/** h2c is answered in HTTP/1.1: passed on, it would open a way past everything here. RFC 9113. */
function isH2c(head: Head): boolean {
  return head
    .joined(NAME.upgrade)!
    .toLowerCase()
    .split(',')
    .some((one) => one.trim() === 'h2c');
}

function bits(...names: number[]): number {
  return names.reduce((set, name) => set | (1 << name), 0);
}

/**
 * Forbidden in a trailer section: framing, routing, request modifiers, credentials (RFC 9110 §6.5.1),
 * what a proxy says of its client, and names that a server would mistake for one of these.
 */
export function isForbiddenTrailer(head: Head, index: number): boolean {
  const name = head
    .name(index)
    .toLowerCase()
    .replaceAll(/[^a-z0-9]/g, '-');
  return FORBIDDEN_TRAILERS.has(name) || name.startsWith(PROXY_PREFIX);
}

const FORBIDDEN_TRAILERS: ReadonlySet<string> = new Set([
  'transfer-encoding',
  'content-length',
  'host',
  'connection',
  'keep-alive',
  'proxy-connection',
  'te',
  'trailer',
  'upgrade',
  'expect',
  'max-forwards',
  'range',
  'if-match',
  'if-none-match',
  'if-modified-since',
  'if-unmodified-since',
  'if-range',
  'pragma',
  'http2-settings',
  'authorization',
  'cookie',
  'set-cookie',
  'proxy-authorization',
  'proxy-authenticate',
  'www-authenticate',
  'content-type',
  'content-encoding',
  'content-range',
  'cache-control',
  'location',
  'date',
  'age',
  'expires',
  'vary',
  'retry-after',
  'via',
  'forwarded',
  'x-request-id',
  'client-cert',
  'client-cert-chain',
  'proxy',
  'x-middleware-subrequest',
  ...PROXY_ONLY,
]);
