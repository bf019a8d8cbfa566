/** Makes the heads of responses ready for an HTTP/1 client, in the bytes where they lie. */
import { latin1 } from '../../base/latin1.ts';
import type { Head } from '../http1/head.ts';
import { HOP_BY_HOP, NAME } from '../http1/names.ts';
import { closeGaps } from './lines.ts';

/** How a response's body is sent to an HTTP/1 client. */
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
