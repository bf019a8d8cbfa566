/**
 * Writes the head of a request as it goes to a server: what stops at a proxy is left out, what it
 * owes the next hop is added, and all else goes through byte for byte (RFC 9110 §7.6, RFC 7239).
 */
import { BODY, type Framing } from '../http1/framing.ts';
import type { Head } from '../http1/head.ts';
import { HOP_BY_HOP, NAME } from '../http1/names.ts';
import type { HeadWriter } from '../http1/writer.ts';
import { nodeOf } from './client-address.ts';
import type { ClientInfo } from './client-info.ts';
import { copyLines } from './lines.ts';
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
  clientInfo: ClientInfo,
  requestNumber: number,
  added: string,
  trace: TraceContext,
): string {
  const { absolute } = framing;
  const hostIndex = head.find(NAME.host);
  let leaveOut = HOP_BY_HOP | (clientInfo.peerIsTrusted ? APPENDED : FORWARDING);
  // RFC 9440 §4: nobody else says whose certificate was seen here.
  if (clientInfo.clientCertificate !== null) leaveOut |= 1 << NAME.clientCert;
  const forwards = forwardsLeft(head);
  if (forwards !== -1) leaveOut |= 1 << NAME.maxForwards;
  // HTTP/1.0 has no expectations: passed on in HTTP/1.1 it would become one (RFC 9110 §10.1.1).
  // One that was met here is none any more.
  if (!framing.expectContinue) leaveOut |= 1 << NAME.expect;
  let host =
    hostIndex === -1 ? clientInfo.peer.localAuthority() : clientInfo.hostOf(head, hostIndex);
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
  if (clientInfo.peerIsTrusted) writer.text(trustedLines(head, clientInfo, host));
  else {
    const lines = clientInfo.linesFor(host, head.minorVersion);
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
function trustedLines(head: Head, clientInfo: ClientInfo, host: string): string {
  const { way } = clientInfo;
  let lines = clientInfo.xForwardedForLine(way?.xForwardedFor ?? way?.believed ?? []);
  if (!head.has(NAME.xForwardedProto)) lines += `X-Forwarded-Proto: ${clientInfo.scheme}\r\n`;
  if (!head.has(NAME.xForwardedHost)) lines += `X-Forwarded-Host: ${host}\r\n`;
  const before = way?.forwarded ?? way?.believed.map((one) => `for=${nodeOf(one)}`) ?? [];
  const own = clientInfo.hasAddress || before.length === 0 ? [clientInfo.elementFor(host)] : [];
  lines += `Forwarded: ${[...before, ...own].join(', ')}\r\n${clientInfo.certificateLine()}`;
  return lines + clientInfo.viaLine(head.minorVersion);
}
