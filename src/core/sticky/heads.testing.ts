/** Heads as tests write them. */
import { Framing, frameRequest } from '../http1/framing.ts';
import { DEFAULT_HEAD_LIMITS, Head, readRequestHead, readResponseHead } from '../http1/head.ts';
import { NAME } from '../http1/names.ts';

/** @param lines header lines, without their ends */
export function requestHead(...lines: string[]): { head: Head; framing: Framing } {
  const head = new Head();
  const framing = new Framing();
  const text = ['GET / HTTP/1.1', 'Host: example.com', ...lines, '', ''].join('\r\n');
  const bytes = Buffer.from(text, 'latin1');
  if (readRequestHead(head, bytes, 0, bytes.length, DEFAULT_HEAD_LIMITS) !== bytes.length) {
    throw new Error(`no head: ${text}`);
  }
  frameRequest(head, framing);
  return { head, framing };
}

export function responseHead(...lines: string[]): Head {
  const head = new Head();
  const bytes = Buffer.from(['HTTP/1.1 200 OK', ...lines, '', ''].join('\r\n'), 'latin1');
  if (readResponseHead(head, bytes, 0, bytes.length, DEFAULT_HEAD_LIMITS) !== bytes.length) {
    throw new Error(`no head: ${lines}`);
  }
  return head;
}

/** The fields that are forwarded, as `name: value`. */
export function remaining(head: Head): string[] {
  const lines: string[] = [];
  for (let index = 0; index < head.fieldCount; index++) {
    if (head.ids[index] !== NAME.dropped) lines.push(`${head.name(index)}: ${head.value(index)}`);
  }
  return lines;
}
