import type { Head } from '../http1/head.ts';
import { type ClientSource, NOWHERE } from '../limits/client-source.ts';
import type { Peer } from '../ports/arrival.ts';
import { type ProxyVersion, proxyHeader } from '../proxy-protocol/write.ts';
import type { CheckedCookie } from '../sticky/persistence.ts';
import { type ForwardedWay, nodeOf } from './client-address.ts';
import { hasField } from './lines.ts';

/** RFC 9110 §7.6.3: a gateway says Via on the way in, with the version that it was spoken to in. */
const VIA_LINES = ['Via: 1.0 openclaw\r\n', 'Via: 1.1 openclaw\r\n'] as const;
const VIA_LINE_HTTP2 = 'Via: 2.0 openclaw\r\n';

/** The peer of a unix socket, which has no address. */
const UNIX_PEER = 'unix';

type ClientInfoParts = Pick<ClientInfo, 'peer' | 'peerIsTrusted' | 'scheme'> &
  Partial<
    Pick<ClientInfo, 'responseLines' | 'redirectPort' | 'source' | 'isHttp2' | 'clientCertificate'>
  >;

/** The client's side of a connection, as needed to forward its requests. */
export class ClientInfo {
  /** The other end of the connection. */
  readonly peer: Peer;
  /** Whether the peer's own forwarding headers are believed. */
  readonly peerIsTrusted: boolean;
  readonly scheme: 'http' | 'https';
  /** Header lines for every response that lacks them; empty for most. */
  readonly responseLines: string;
  /** HTTPS port its requests are redirected to; 0: they are served. */
  readonly redirectPort: number;
  /** Whether it speaks HTTP/2. */
  readonly isHttp2: boolean;
  /** Its verified certificate, DER; null: none. */
  readonly clientCertificate: Buffer | null;
  /** The peer as an RFC 7239 node. */
  readonly node: string;
  /** The last verified session cookie it sent. */
  checkedCookie: CheckedCookie | null = null;
  /** The peer as limits and access lists know it. */
  readonly source: ClientSource;
  /** The client of the current request: the peer, or the one a trusted peer names. */
  clientAddress: string;
  /** What is believed of a trusted peer's headers for that request; null: nothing. */
  way: ForwardedWay | null = null;
  /** The client that a trusted peer named last, as limits and access lists know it. */
  forwardedAddress = '';
  forwardedSource: ClientSource = NOWHERE;
  /** The last host, and the lines for it: a client hardly ever changes its Host. */
  #host = '';
  #minorVersion = 1;
  #lines: Buffer | null = null;

  constructor(parts: ClientInfoParts) {
    const { peer } = parts;
    this.peer = peer;
    this.source = parts.source ?? NOWHERE;
    this.clientAddress = peer.address;
    this.peerIsTrusted = parts.peerIsTrusted;
    this.scheme = parts.scheme;
    this.responseLines = parts.responseLines ?? '';
    this.redirectPort = parts.redirectPort ?? 0;
    this.isHttp2 = parts.isHttp2 ?? false;
    this.clientCertificate = parts.clientCertificate ?? null;
    this.node = nodeOf(peer.address);
  }

  /** Address of the peer, without port; `unix` for a unix socket. */
  get peerAddress(): string {
    return this.peer.address;
  }

  /** Whether the peer has an address: that of a unix socket has none. */
  get hasAddress(): boolean {
    return this.peerAddress !== UNIX_PEER;
  }

  /** The lines to add to a server's response; a line the server sent itself wins. */
  linesForResponse(head: Head): string {
    const lines = this.responseLines;
    return lines === '' || hasField(head, lines.slice(0, lines.indexOf(':'))) ? '' : lines;
  }

  /** The PROXY header that names the client to a server. */
  proxyHeader(version: ProxyVersion): string {
    const local = /^\[?([^\]]*)\]?:(\d+)$/.exec(this.peer.localAuthority());
    const ends = {
      sourceAddress: this.peerAddress,
      sourcePort: this.peer.port,
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

function isText(bytes: Buffer, start: number, end: number, text: string): boolean {
  if (end - start !== text.length) return false;
  for (let at = 0; at < text.length; at++) {
    if (bytes[start + at] !== text.charCodeAt(at)) return false;
  }
  return true;
}
