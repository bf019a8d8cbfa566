/**
 * Writes the heads that are passed on: what stops at a proxy is left out, what it owes the next
 * hop is added, and all else goes through byte for byte (RFC 9110 §7.6, RFC 7239).
 */
import { latin1 } from '../../base/latin1.ts';
import { BODY, type Framing } from '../http1/framing.ts';
import type { Head } from '../http1/head.ts';
import { HOP_BY_HOP, NAME } from '../http1/names.ts';
import type { HeadWriter } from '../http1/writer.ts';
import { NOWHERE, type Source } from '../limits/source.ts';
import { type ProxyVersion, proxyHeader } from '../proxy-protocol/write.ts';
import type { CheckedCookie } from '../sticky/persistence.ts';
import { type ForwardedWay, nodeOf } from './client-address.ts';
import type { TraceContext } from './trace-context.ts';

const FORWARDING =
  (1 << NAME.xForwardedFor) |
  (1 << NAME.xForwardedProto) |
  (1 << NAME.xForwardedHost) |
  (1 << NAME.forwarded) |
  (1 << NAME.clientCert) |
  (1 << NAME.proxyOnly);

/** What is written anew, with the peer appended, where the peer is trusted. */
const APPENDED = (1 << NAME.xForwardedFor) | (1 << NAME.forwarded);

/** RFC 9110 §7.6.3: a gateway says Via on the way in, with the version that it was spoken to in. */
const VIA_LINES = ['Via: 1.0 openclaw\r\n', 'Via: 1.1 openclaw\r\n'] as const;
const VIA_LINE_HTTP2 = 'Via: 2.0 openclaw\r\n';

/** The peer of a unix socket, which has no address. */
const UNIX_PEER = 'unix';

type ClientInfoParts = Pick<
  ClientInfo,
  'peerAddress' | 'peerIsTrusted' | 'scheme' | 'localAuthority'
> &
  Partial<
    Pick<
      ClientInfo,
      'responseLines' | 'redirectPort' | 'source' | 'peerPort' | 'isHttp2' | 'clientCertificate'
    >
  >;

/** What is known of the client's side when its requests are passed on. */
export class ClientInfo {
  /** Address of the peer, without port; `unix` for a unix socket. */
  readonly peerAddress: string;
  /** Whether the peer's own forwarding headers are believed. */
  readonly peerIsTrusted: boolean;
  /** 0 where it is not known. */
  readonly peerPort: number;
  readonly scheme: 'http' | 'https';
  /** `host:port` that the client reached, for a request that names no host. */
  readonly localAuthority: () => string;
  /** Lines for the head of every response that does not have them; empty for most. */
  readonly responseLines: string;
  /** The port of HTTPS that its requests are sent on to; 0: they are served. */
  readonly redirectPort: number;
  /** Whether it speaks HTTP/2. */
  readonly isHttp2: boolean;
  /** What it identified itself with, verified, DER; null: it did not. */
  readonly clientCertificate: Buffer | null;
  /** The peer as an RFC 7239 node. */
  readonly node: string;
  /** The session cookie that it last brought, once verified. */
  checkedCookie: CheckedCookie | null = null;
  /** The peer as limits and access lists know it. */
  readonly source: Source;
  /** The client of the request that has just come: the peer, or whom a trusted peer names. */
  clientAddress: string;
  /** What a trusted peer's headers say of that request; null: nothing is believed. */
  way: ForwardedWay | null = null;
  /** The client that a trusted peer named last, as limits and access lists know it. */
  forwardedAddress = '';
  forwardedSource: Source = NOWHERE;
  /** The last host, and the lines for it: a client hardly ever changes its Host. */
  #host = '';
  #minorVersion = 1;
  #lines: Buffer | null = null;

  constructor(peer: ClientInfoParts) {
    this.source = peer.source ?? NOWHERE;
    this.peerPort = peer.peerPort ?? 0;
    this.peerAddress = peer.peerAddress;
    this.clientAddress = peer.peerAddress;
    this.peerIsTrusted = peer.peerIsTrusted;
    this.scheme = peer.scheme;
    this.localAuthority = peer.localAuthority;
    this.responseLines = peer.responseLines ?? '';
    this.redirectPort = peer.redirectPort ?? 0;
    this.isHttp2 = peer.isHttp2 ?? false;
    this.clientCertificate = peer.clientCertificate ?? null;
    this.node = nodeOf(peer.peerAddress);
  }

  /** Whether the peer has an address: that of a unix socket has none. */
  get hasAddress(): boolean {
    return this.peerAddress !== UNIX_PEER;
  }

  /** What is added to a server's response: what it says itself of the same is left to it. */
  linesForResponse(head: Head): string {
    const lines = this.responseLines;
    return lines === '' || hasField(head, lines.slice(0, lines.indexOf(':'))) ? '' : lines;
  }

  /** The header that tells a server whose connection it is. */
  proxyHeader(version: ProxyVersion): string {
    const local = /^\[?([^\]]*)\]?:(\d+)$/.exec(this.localAuthority());
    const ends = {
      sourceAddress: this.peerAddress,
      sourcePort: this.peerPort,
      destinationAddress: local?.[1] ?? '',
      destinationPort: Number(local?.[2] ?? 0),
    };
    return proxyHeader(version, ends, this.scheme === 'https');
  }

  /** The text of a Host field, which is most often that of the request before. */
  hostOf(head: Head, index: number): string {
    const start = head.valueStarts[index]!;
    return isText(head.bytes, start, head.valueEnds[index]!, this.#host)
      ? this.#host
      : head.value(index);
  }

  /** The forwarding lines for an untrusted peer. */
  linesFor(host: string, minorVersion: number): Buffer {
    if (host !== this.#host || minorVersion !== this.#minorVersion || this.#lines === null) {
      this.#host = host;
      this.#minorVersion = minorVersion;
      this.#lines = Buffer.from(
        `${this.xForwardedForLine([])}X-Forwarded-Proto: ${this.scheme}\r\n` +
          `X-Forwarded-Host: ${host}\r\nForwarded: ${this.elementFor(host)}\r\n` +
          this.certificateLine() +
          this.viaLine(minorVersion),
        'latin1',
      );
    }
    return this.#lines;
  }

  /** The peer after those that a trusted peer named; one without an address adds nothing. */
  xForwardedForLine(before: readonly string[]): string {
    const hops = this.hasAddress ? [...before, this.peerAddress] : before;
    return hops.length === 0 ? '' : `X-Forwarded-For: ${hops.join(', ')}\r\n`;
  }

  /** RFC 9440 §2.2: a byte sequence of structured fields. */
  certificateLine(): string {
    const { clientCertificate } = this;
    return clientCertificate === null
      ? ''
      : `Client-Cert: :${clientCertificate.toString('base64')}:\r\n`;
  }

  /** RFC 9110 §7.6.3. */
  viaLine(minorVersion: number): string {
    return this.isHttp2 ? VIA_LINE_HTTP2 : VIA_LINES[minorVersion]!;
  }

  /** The element of a Forwarded header (RFC 7239 §4) that speaks of this peer. */
  elementFor(host: string): string {
    const quotedHost = /^[\w.-]+$/.test(host) ? host : `"${host}"`;
    return `for=${this.node};host=${quotedHost};proto=${this.scheme}`;
  }
}

/**
 * How many more times a request may be forwarded, by its Max-Forwards; -1: as often as may be.
 * It counts for OPTIONS and TRACE only (RFC 9110 §7.6.2).
 */
export function forwardsLeft(head: Head): number {
  if (!head.has(NAME.maxForwards)) return -1;
  if (head.method !== 'OPTIONS' && head.method !== 'TRACE') return -1;
  const text = head.value(head.find(NAME.maxForwards));
  return /^\d+$/.test(text) ? Math.min(Number(text), FORWARDS_MAX) : -1;
}

const FORWARDS_MAX = 255;

/**
 * The head of a request as it goes to a server, the empty line included.
 *
 * @param requestNumber for a request that brought no id; 0 where it did
 * @param added further lines
 * @param trace adds its line where the request brought none
 */
export function forwardedRequest(
  writer: HeadWriter,
  requestIdLine: Buffer,
  head: Head,
  framing: Framing,
  via: ClientInfo,
  requestNumber: number,
  added: string,
  trace: TraceContext,
): string {
  const { absolute } = framing;
  const hostIndex = head.find(NAME.host);
  let leaveOut = HOP_BY_HOP | (via.peerIsTrusted ? APPENDED : FORWARDING);
  // RFC 9440 §4: nobody else says whose certificate was seen here.
  if (via.clientCertificate !== null) leaveOut |= 1 << NAME.clientCert;
  const forwards = forwardsLeft(head);
  if (forwards !== -1) leaveOut |= 1 << NAME.maxForwards;
  // HTTP/1.0 has no expectations: passed on in HTTP/1.1 it would become one (RFC 9110 §10.1.1).
  // One that was met here is none any more.
  if (!framing.expectContinue) leaveOut |= 1 << NAME.expect;
  let host = hostIndex === -1 ? via.localAuthority() : via.hostOf(head, hostIndex);
  writer.begin();
  if (absolute !== undefined) {
    host = absolute.authority;
    leaveOut |= 1 << NAME.host;
    // RFC 9112 §3.2.4: OPTIONS on a URI without path and query is about the server as a whole.
    const target = head.method === 'OPTIONS' && absolute.isBare ? '*' : absolute.path;
    writer.text(`${head.method} ${target} HTTP/1.1\r\nHost: ${host}\r\n`);
    copyLines(writer, head, head.nameStarts[0]!, leaveOut);
  } else if (head.isHttp11) copyLines(writer, head, head.start, leaveOut);
  else {
    writer.copy(head.bytes, head.start, head.targetEnd);
    writer.text(hostIndex === -1 ? ` HTTP/1.1\r\nHost: ${host}\r\n` : ' HTTP/1.1\r\n');
    copyLines(writer, head, head.nameStarts[0]!, leaveOut);
  }
  if (added !== '') writer.text(added);
  trace.write(writer);
  if (framing.body === BODY.chunked) writer.text('Transfer-Encoding: chunked\r\n');
  if (framing.upgrade) {
    writer.text(`Connection: Upgrade\r\nUpgrade: ${head.joined(NAME.upgrade)}\r\n`);
  } else if (head.has(NAME.te) && /\btrailers\b/i.test(head.joined(NAME.te)!)) {
    writer.text('Connection: TE\r\nTE: trailers\r\n');
  }
  if (forwards !== -1) writer.text(`Max-Forwards: ${forwards - 1}\r\n`);
  if (via.peerIsTrusted) writer.text(trustedLines(head, via, host));
  else {
    const lines = via.linesFor(host, head.minorVersion);
    writer.copy(lines, 0, lines.length);
  }
  if (requestNumber !== 0) {
    writer.copy(requestIdLine, 0, requestIdLine.length);
    writer.hex(requestNumber);
    writer.lineEnd();
  }
  writer.lineEnd();
  return writer.result();
}

/**
 * What a trusted peer said, as far as it was believed, and the peer after it. Both headers name the
 * same client: whichever the next hop reads, it believes what was believed here.
 */
function trustedLines(head: Head, via: ClientInfo, host: string): string {
  const { way } = via;
  let lines = via.xForwardedForLine(way?.xForwardedFor ?? way?.believed ?? []);
  if (!head.has(NAME.xForwardedProto)) lines += `X-Forwarded-Proto: ${via.scheme}\r\n`;
  if (!head.has(NAME.xForwardedHost)) lines += `X-Forwarded-Host: ${host}\r\n`;
  const before = way?.forwarded ?? way?.believed.map((one) => `for=${nodeOf(one)}`) ?? [];
  const own = via.hasAddress || before.length === 0 ? [via.elementFor(host)] : [];
  lines += `Forwarded: ${[...before, ...own].join(', ')}\r\n${via.certificateLine()}`;
  return lines + via.viaLine(head.minorVersion);
}

function hasField(head: Head, name: string): boolean {
  for (let index = 0; index < head.fieldCount; index++) {
    if (head.nameEnds[index]! - head.nameStarts[index]! !== name.length) continue;
    if (head.name(index).toLowerCase() === name.toLowerCase()) return true;
  }
  return false;
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

/**
 * Makes the head of a response ready for an HTTP/1 client, in the bytes where it lies, so that it
 * goes out in one piece with the body that follows it.
 *
 * @param added lines to add; empty for most responses
 * @returns what goes before the bytes from `head.tailStart` on, most often nothing
 */
export function forwardedResponse(head: Head, transfer: Transfer, added: string): string {
  let leaveOut = HOP_BY_HOP;
  // Chunked goes on as chunked, and its line, known to hold just that, as it came.
  if (transfer === TRANSFER.asIs && head.status !== 204) leaveOut &= ~(1 << NAME.transferEncoding);
  if (head.status === 204) leaveOut |= 1 << NAME.contentLength;
  // 426 has to say which protocol it wants (RFC 9110 §15.5.22).
  const wantsUpgrade = head.status === 426 && head.has(NAME.upgrade);
  if (wantsUpgrade) leaveOut &= ~(1 << NAME.upgrade);
  if (added === '' && head.isHttp11 && !head.lacksSpace && !wantsUpgrade) {
    closeGaps(head, head.start, leaveOut);
    return '';
  }
  const fieldsStart = head.nameStarts[0]!;
  const line = statusLine(head);
  closeGaps(head, fieldsStart, leaveOut);
  return wantsUpgrade ? `${line}Connection: Upgrade\r\n${added}` : line + added;
}

/**
 * The head of a 1xx response as it goes to the client; 101 keeps what makes it an upgrade.
 *
 * @param added lines to add
 */
export function forwardedInformational(head: Head, added: string): string {
  const upgrade = head.status === 101 ? head.joined(NAME.upgrade) : undefined;
  const fieldsStart = head.nameStarts[0]!;
  const line = statusLine(head);
  closeGaps(head, fieldsStart, HOP_BY_HOP | (1 << NAME.contentLength));
  const lines = latin1(head.bytes, head.tailStart, head.end);
  return upgrade === undefined
    ? line + added + lines
    : `${line}${added}Connection: Upgrade\r\nUpgrade: ${upgrade}\r\n${lines}`;
}

/** With its CRLF. */
function statusLine(head: Head): string {
  if (head.lacksSpace) return `HTTP/1.1 ${head.status} \r\n`;
  return `HTTP/1.1${latin1(head.bytes, head.versionEnd, head.nameStarts[0]!)}`;
}

/** Copies the bytes from `start` up to the empty line, without the fields to leave out. */
function copyLines(writer: HeadWriter, head: Head, start: number, leaveOut: number): void {
  const { bytes, nameStarts, fieldCount } = head;
  let runStart = start;
  if ((head.seen & leaveOut) !== 0) {
    for (let index = 0; index < fieldCount; index++) {
      if (!isLeftOut(head, index, leaveOut)) continue;
      if (nameStarts[index]! > runStart) writer.copy(bytes, runStart, nameStarts[index]!);
      runStart = nameStarts[index + 1]!;
    }
  }
  writer.copy(bytes, runStart, nameStarts[fieldCount]!);
}

/**
 * Moves what stands before each field to leave out over it, so that the rest of the head, from
 * `head.tailStart` on, is in one piece and next to the body. The offsets of fields are void then.
 */
function closeGaps(head: Head, start: number, leaveOut: number): void {
  const { bytes, nameStarts } = head;
  let tailStart = head.end;
  let runEnd = head.end;
  if ((head.seen & leaveOut) === 0) {
    head.tailStart = start;
    return;
  }
  for (let index = head.fieldCount - 1; index >= 0; index--) {
    if (!isLeftOut(head, index, leaveOut)) continue;
    const runStart = nameStarts[index + 1]!;
    tailStart -= runEnd - runStart;
    if (tailStart !== runStart) bytes.copyWithin(tailStart, runStart, runEnd);
    runEnd = nameStarts[index]!;
  }
  tailStart -= runEnd - start;
  bytes.copyWithin(tailStart, start, runEnd);
  head.tailStart = tailStart;
}

function isLeftOut(head: Head, index: number, leaveOut: number): boolean {
  if ((leaveOut & (1 << head.ids[index]!)) !== 0) return true;
  return head.has(NAME.connection) && head.named[index] === 1;
}
