/**
 * Writes the heads that are passed on: what stops at a proxy is left out, what it owes the next
 * hop is added, and all else goes through byte for byte (RFC 9110 §7.6, RFC 7239).
 */
import { latin1 } from '../../base/latin1.ts';
import { IS_HOST } from '../http1/chars.ts';
import type { Framing } from '../http1/framing.ts';
import { BODY } from '../http1/framing.ts';
import type { Head } from '../http1/head.ts';
import { NAME } from '../http1/names.ts';

const HOP_BY_HOP =
  (1 << NAME.connection) |
  (1 << NAME.keepAlive) |
  (1 << NAME.proxyConnection) |
  (1 << NAME.te) |
  (1 << NAME.transferEncoding) |
  (1 << NAME.upgrade) |
  (1 << NAME.http2Settings);

const FORWARDING =
  (1 << NAME.xForwardedFor) |
  (1 << NAME.xForwardedProto) |
  (1 << NAME.xForwardedHost) |
  (1 << NAME.forwarded);

/** What is written anew, with the peer appended, where the peer is trusted. */
const APPENDED = (1 << NAME.xForwardedFor) | (1 << NAME.forwarded);

/** RFC 9110 §7.6.3: a gateway says Via on the way in. */
const VIA_AND_END = 'Via: 1.1 openclaw\r\n\r\n';

/** What is known of the client's side when its requests are passed on. */
export class Via {
  /** Address of the peer, without port; `unix` for a unix socket. */
  readonly peerAddress: string;
  /** Whether the peer's own forwarding headers are believed. */
  readonly peerIsTrusted: boolean;
  readonly scheme: 'http' | 'https';
  /** `host:port` that the client reached, for a request that names no host. */
  readonly localAuthority: string;
  /** The peer as an RFC 7239 node. */
  readonly node: string;
  /** The last host, and the last lines of a head for it: a client hardly ever changes its Host. */
  #host = '';
  #lastLines = '';

  constructor(peer: Pick<Via, 'peerAddress' | 'peerIsTrusted' | 'scheme' | 'localAuthority'>) {
    this.peerAddress = peer.peerAddress;
    this.peerIsTrusted = peer.peerIsTrusted;
    this.scheme = peer.scheme;
    this.localAuthority = peer.localAuthority;
    this.node = peer.peerAddress.includes(':') ? `"[${peer.peerAddress}]"` : peer.peerAddress;
  }

  /** The text of a Host field, which is most often that of the request before. */
  hostOf(head: Head, index: number): string {
    const start = head.valueStarts[index]!;
    return isText(head.bytes, start, head.valueEnds[index]!, this.#host)
      ? this.#host
      : head.value(index);
  }

  /** What ends the head of an untrusted peer's request: the forwarding lines and the empty line. */
  lastLines(host: string): string {
    if (host !== this.#host || this.#lastLines === '') {
      this.#host = host;
      this.#lastLines =
        `X-Forwarded-For: ${this.peerAddress}\r\nX-Forwarded-Proto: ${this.scheme}\r\n` +
        `X-Forwarded-Host: ${host}\r\nForwarded: ${this.elementFor(host)}\r\n${VIA_AND_END}`;
    }
    return this.#lastLines;
  }

  /** The element of a Forwarded header (RFC 7239 §4) that speaks of this peer. */
  elementFor(host: string): string {
    const quotedHost = /^[\w.-]+$/.test(host) ? host : `"${host}"`;
    return `for=${this.node};host=${quotedHost};proto=${this.scheme}`;
  }
}

/** A target in absolute form, taken apart. */
export interface AbsoluteTarget {
  authority: string;
  path: string;
}

/**
 * `http://host/path` taken apart (RFC 9112 §3.2.2); undefined where it is not in absolute form or
 * not one that HTTP can mean (other scheme, user information, no host).
 */
export function parseAbsoluteTarget(target: string): AbsoluteTarget | undefined {
  const match = /^https?:\/\/([^/?]+)(.*)$/i.exec(target);
  if (match === null) return undefined;
  const authority = match[1]!;
  for (let at = 0; at < authority.length; at++) {
    if (IS_HOST[authority.charCodeAt(at)] !== 1) return undefined;
  }
  const rest = match[2]!;
  return { authority, path: rest.startsWith('/') ? rest : `/${rest}` };
}

/**
 * The head of a request as it goes to a server, the empty line included.
 *
 * @param absolute the target taken apart where it came in absolute form, else undefined
 * @param requestId for a request that brought none; empty where it did
 */
export function forwardedRequest(
  head: Head,
  framing: Framing,
  via: Via,
  absolute: AbsoluteTarget | undefined,
  requestId: string,
): string {
  let leaveOut = HOP_BY_HOP | (via.peerIsTrusted ? APPENDED : FORWARDING);
  // Nobody would wait for the 100 that it asks for (RFC 9110 §10.1.1).
  if (head.minorVersion === 0) leaveOut |= 1 << NAME.expect;
  let host: string;
  let text: string;
  if (absolute !== undefined) {
    host = absolute.authority;
    leaveOut |= 1 << NAME.host;
    const lines = remainingLines(head, head.nameStarts[0]!, leaveOut);
    text = `${head.method} ${absolute.path} HTTP/1.1\r\nHost: ${host}\r\n${lines}`;
  } else {
    const hostIndex = head.find(NAME.host);
    host = hostIndex === -1 ? via.localAuthority : via.hostOf(head, hostIndex);
    if (head.isHttp11) text = remainingLines(head, head.start, leaveOut);
    else {
      const lines = remainingLines(head, head.nameStarts[0]!, leaveOut);
      const hostLine = hostIndex === -1 ? `Host: ${host}\r\n` : '';
      text = `${latin1(head.bytes, head.start, head.targetEnd)} HTTP/1.1\r\n${hostLine}${lines}`;
    }
  }
  if (framing.body === BODY.chunked) text += 'Transfer-Encoding: chunked\r\n';
  if (framing.upgrade) text += `Connection: Upgrade\r\nUpgrade: ${head.joined(NAME.upgrade)}\r\n`;
  else if (head.has(NAME.te) && /\btrailers\b/i.test(head.joined(NAME.te)!)) {
    text += 'Connection: TE\r\nTE: trailers\r\n';
  }
  if (requestId !== '') text += `X-Request-Id: ${requestId}\r\n`;
  return text + (via.peerIsTrusted ? trustedLines(head, via, host) : via.lastLines(host));
}

/** What a trusted peer said, and the peer after it. */
function trustedLines(head: Head, via: Via, host: string): string {
  const before = head.joined(NAME.xForwardedFor);
  const forwarded = head.joined(NAME.forwarded);
  let lines = `X-Forwarded-For: ${before === undefined ? '' : `${before}, `}${via.peerAddress}\r\n`;
  if (!head.has(NAME.xForwardedProto)) lines += `X-Forwarded-Proto: ${via.scheme}\r\n`;
  if (!head.has(NAME.xForwardedHost)) lines += `X-Forwarded-Host: ${host}\r\n`;
  const element = via.elementFor(host);
  const before7239 = forwarded === undefined ? '' : `${forwarded}, `;
  return `${lines}Forwarded: ${before7239}${element}\r\n${VIA_AND_END}`;
}

function isText(bytes: Buffer, start: number, end: number, text: string): boolean {
  if (end - start !== text.length) return false;
  for (let at = 0; at < text.length; at++) {
    if (bytes[start + at] !== text.charCodeAt(at)) return false;
  }
  return true;
}

/** How a response's body travels on to an HTTP/1 client. */
export const TRANSFER = {
  /** As it came. */
  asIs: 0,
  /** It ends with the server's connection and is chunked for the client. */
  chunk: 1,
  /** It is chunked and the client knows no chunks. */
  unchunk: 2,
} as const;
export type Transfer = (typeof TRANSFER)[keyof typeof TRANSFER];

/** The Connection header that a response gets; `none` where HTTP/1.1 keeps the connection. */
export type ConnectionLine = '' | 'Connection: close\r\n' | 'Connection: keep-alive\r\n';

/**
 * The first part of a response's head as it goes to an HTTP/1 client. The rest of the head, from
 * `head.tailStart` on, can be sent as it lies before the body: see `leadingText`.
 *
 * @param dateLine for a response without Date (RFC 9110 §6.6.1); empty where it has one
 */
export function forwardedResponse(
  head: Head,
  transfer: Transfer,
  connectionLine: ConnectionLine,
  dateLine: string,
): string {
  let leaveOut = HOP_BY_HOP;
  // Chunked goes on as chunked, and its line, known to hold just that, as it came.
  if (transfer === TRANSFER.asIs && head.status !== 204) leaveOut &= ~(1 << NAME.transferEncoding);
  if (head.status === 204) leaveOut |= 1 << NAME.contentLength;
  const added =
    (transfer === TRANSFER.chunk ? 'Transfer-Encoding: chunked\r\n' : '') +
    dateLine +
    connectionLine;
  if (added === '' && head.isHttp11) return leadingText(head, head.start, leaveOut);
  const fieldsStart = head.nameStarts[0]!;
  const line = `HTTP/1.1${latin1(head.bytes, head.versionEnd, fieldsStart)}`;
  return `${line}${added}${leadingText(head, fieldsStart, leaveOut)}`;
}

/** The head of a 1xx response as it goes to the client; 101 keeps what makes it an upgrade. */
export function forwardedInformational(head: Head): string {
  const leaveOut = HOP_BY_HOP | (1 << NAME.contentLength);
  const text = `HTTP/1.1${remainingLines(head, head.versionEnd, leaveOut)}`;
  if (head.status !== 101) return `${text}\r\n`;
  return `${text}Connection: Upgrade\r\nUpgrade: ${head.joined(NAME.upgrade)}\r\n\r\n`;
}

/** The bytes from `start` up to the empty line, without the fields to leave out. */
function remainingLines(head: Head, start: number, leaveOut: number): string {
  const text = leadingText(head, start, leaveOut);
  return text + latin1(head.bytes, head.tailStart, head.nameStarts[head.fieldCount]!);
}

/**
 * The text from `start` up to the last field that is left out, without those to leave out; what
 * follows that field begins at `head.tailStart` and goes on unchanged to the end of the head, and
 * on into the body.
 */
function leadingText(head: Head, start: number, leaveOut: number): string {
  const { ids, named, nameStarts, fieldCount } = head;
  const hasNamed = head.has(NAME.connection);
  let text = '';
  let runStart = start;
  if ((head.seen & leaveOut) !== 0) {
    for (let index = 0; index < fieldCount; index++) {
      const isLeftOut = (leaveOut & (1 << ids[index]!)) !== 0;
      if (!isLeftOut && !(hasNamed && named[index] === 1)) continue;
      const lineStart = nameStarts[index]!;
      if (lineStart > runStart) text += latin1(head.bytes, runStart, lineStart);
      runStart = nameStarts[index + 1]!;
    }
  }
  head.tailStart = runStart;
  return text;
}
