/** Where an event stream can end without cutting an event in two. */
import { latin1 } from '../../base/latin1.ts';
import { WORKER_TIMING } from '../../table/measures.ts';
import type { BodyReader } from '../http1/body.ts';
import { BODY, type BodyKind } from '../http1/framing.ts';
import type { Head } from '../http1/head.ts';
import { NAME } from '../http1/names.ts';
import type { WorkerContext } from '../ports/worker-context.ts';

export function isEventStream(head: Head): boolean {
  const index = head.find(NAME.contentType);
  if (index === -1) return false;
  const start = head.valueStarts[index]!;
  // One byte decides for nearly every response: t of text, e or E of event.
  if (head.valueEnds[index]! - start < 17 || (head.bytes[start]! | 32) !== 116) return false;
  return latin1(head.bytes, start, start + 17).toLowerCase() === 'text/event-stream';
}

/** How far an exchange's event stream is. */
export class EventStream {
  /** The last piece ended an event, so that the stream can end here. */
  isBetweenEvents = true;
  readonly #context: WorkerContext;
  /** When the last piece came; -1: none did. */
  #pieceMs = -1;

  constructor(context: WorkerContext) {
    this.#context = context;
  }

  begin(): void {
    this.#pieceMs = -1;
    this.isBetweenEvents = true;
  }

  /** Bytes went to the client: from `start` up to where the body took them. */
  sent(body: BodyReader, bytes: Buffer, start: number): void {
    this.isBetweenEvents =
      (body.kind !== BODY.chunked || body.isBetweenChunks) &&
      endsEvent(bytes, start, body.consumed, body.kind);
  }

  /** A piece came, which may be the last. */
  tookPiece(nowMs: number): void {
    const { table, lane } = this.#context;
    if (this.#pieceMs !== -1) {
      table.measures.timeOfWorker(lane, WORKER_TIMING.streamGap, nowMs - this.#pieceMs);
    }
    this.#pieceMs = nowMs;
  }
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
