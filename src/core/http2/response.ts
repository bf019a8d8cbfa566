/** The head of a response as HTTP/2 fields: names in lower case, nothing that stops at a proxy. */
import type { Head } from '../http1/head.ts';
import { HOP_BY_HOP, NAME } from '../http1/names.ts';

/** @returns `:status`, then names and values in turn */
export function responseFields(head: Head, status: number): string[] {
  const fields = [':status', String(status)];
  // Connection-specific fields are malformed in HTTP/2 (RFC 9113 §8.2.2).
  let leaveOut = HOP_BY_HOP;
  if (status === 204 || status === 205 || status < 200) leaveOut |= 1 << NAME.contentLength;
  for (let index = 0; index < head.fieldCount; index++) {
    if ((leaveOut & (1 << head.ids[index]!)) !== 0) continue;
    if (head.has(NAME.connection) && head.named[index] === 1) continue;
    const name = lowerCase(head, index);
    if (name.startsWith('sec-websocket-accept')) continue;
    fields.push(name, head.value(index));
  }
  return fields;
}

/** Adds header lines, each with its CRLF, as fields. */
export function pushLines(fields: string[], lines: string): void {
  for (let at = 0; at < lines.length; ) {
    const end = lines.indexOf('\r\n', at);
    const colon = lines.indexOf(':', at);
    fields.push(lines.slice(at, colon).toLowerCase(), lines.slice(colon + 1, end).trim());
    at = end + 2;
  }
}

/** Names that servers send again and again; a Map, for they spell them in many ways. */
const spelt = new Map<string, string>();
const SPELT_MAX = 1000;

function lowerCase(head: Head, index: number): string {
  const name = head.name(index);
  let lower = spelt.get(name);
  if (lower === undefined) {
    lower = name.toLowerCase();
    if (spelt.size < SPELT_MAX) spelt.set(name, lower);
  }
  return lower;
}
