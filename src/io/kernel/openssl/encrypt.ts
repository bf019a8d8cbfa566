import type { Stream } from '../../../core/ports/stream.ts';
import { PLAIN_BYTES, RECORD_BYTES, type TlsMemory } from './memory.ts';
import type { TlsSession } from './session.ts';

/** Sends what OpenSSL has written. */
export function sendOutput(memory: TlsMemory, lower: Stream): void {
  const start = memory.cipherOutStart;
  for (;;) {
    const bytes = memory.takeOutput();
    if (bytes > 0) lower.writeBytes(memory.bytes, start, start + bytes);
    if (!memory.isFull(bytes)) return;
  }
}

/**
 * Encrypts text and bytes, in one record where they fit, and sends what comes of them.
 *
 * @returns false: the session has failed, with part of it sent at the most
 */
export function encrypt(
  memory: TlsMemory,
  session: TlsSession,
  lower: Stream,
  text: string,
  bytes: Buffer,
  start: number,
  end: number,
): boolean {
  const size = text.length + end - start;
  if (size === 0) return true;
  if (size > RECORD_BYTES) return encryptMuch(memory, session, lower, text, bytes, start, end);
  const { plainStart } = memory;
  if (text !== '') memory.bytes.write(text, plainStart, 'latin1');
  if (end > start) bytes.copy(memory.bytes, plainStart + text.length, start, end);
  if (!session.write(memory.plainAddress, size)) return false;
  sendOutput(memory, lower);
  return true;
}

/** The first record takes the text along, the others follow from where the bytes lie. */
function encryptMuch(
  memory: TlsMemory,
  session: TlsSession,
  lower: Stream,
  text: string,
  bytes: Buffer,
  start: number,
  end: number,
): boolean {
  const { plainStart, plainAddress, arena } = memory;
  let textAt = 0;
  for (; text.length - textAt > RECORD_BYTES; textAt += RECORD_BYTES) {
    memory.bytes.write(text.slice(textAt, textAt + RECORD_BYTES), plainStart, 'latin1');
    if (!session.write(plainAddress, RECORD_BYTES)) return false;
    sendOutput(memory, lower);
  }
  let at = start;
  let unsentBytes = 0;
  if (textAt < text.length) {
    const textBytes = memory.bytes.write(text.slice(textAt), plainStart, 'latin1');
    const fill = Math.min(RECORD_BYTES - textBytes, end - start);
    bytes.copy(memory.bytes, plainStart + textBytes, start, start + fill);
    unsentBytes = textBytes + fill;
    if (!session.write(plainAddress, unsentBytes)) return false;
    at += fill;
  }
  while (at < end) {
    const size = Math.min(PLAIN_BYTES - unsentBytes, end - at);
    const place = memory.placeOf(bytes, at, at + size);
    if (place < 0) bytes.copy(memory.bytes, plainStart, at, at + size);
    const address = place < 0 ? plainAddress : arena.address(place, size);
    if (!session.write(address, size)) return false;
    sendOutput(memory, lower);
    at += size;
    unsentBytes = 0;
  }
  if (unsentBytes > 0) sendOutput(memory, lower);
  return true;
}
