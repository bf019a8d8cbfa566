/** Where an event stream can end without cutting an event in two. */
import { latin1 } from '../../base/latin1.ts';
import { BODY, type BodyKind } from '../http1/framing.ts';
import type { Head } from '../http1/head.ts';
import { NAME } from '../http1/names.ts';

export function isEventStream(head: Head): boolean {
  const index = head.find(NAME.contentType);
  if (index === -1) return false;
  const start = head.valueStarts[index]!;
  // One byte decides for nearly every response: t of text, e or E of event.
  if (head.valueEnds[index]! - start < 17 || (head.bytes[start]! | 32) !== 116) return false;
  return latin1(head.bytes, start, start + 17).toLowerCase() === 'text/event-stream';
}

const CR = 13;
const LF = 10;

/**
 * Whether an event ends with this piece: its last line is empty ("Server-sent events" of the HTML
 * standard, §9.2.6). A piece too short to tell counts as none.
 *
 * @param kind of the body that the piece is of; a chunk ends with a line end of its own
 */
export function endsEvent(bytes: Buffer, start: number, end: number, kind: BodyKind): boolean {
  const at = kind === BODY.chunked ? end - 2 : end;
  const last = at - 1 >= start ? bytes[at - 1] : 0;
  const previous = at - 2 >= start ? bytes[at - 2] : 0;
  if (last === CR) return previous === CR;
  if (last !== LF) return false;
  if (previous === LF) return true;
  return previous === CR && at - 4 >= start && bytes[at - 3] === LF && bytes[at - 4] === CR;
}
