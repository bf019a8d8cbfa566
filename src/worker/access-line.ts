import { BYTES_PER_UNIT_MAX, type LinePieces } from './line-pieces.ts';
import type { ExchangeRecord } from './record.ts';

/** Of a text that a client chose no more is written. */
const TEXT_MAX = 8 * 1024;
/** What a line takes beside such texts. */
const FIXED_BYTES_MAX = 1024;

/**
 * One line of the access log: the same JSON as the log's own lines, but put together here, for a
 * general serialiser costs about as much as it does to forward a request.
 *
 * @param time UTC, as `IsoTime` says it
 * @returns false where it was dropped
 */
export function writeAccessLine(
  lines: LinePieces,
  record: ExchangeRecord,
  level: 'info' | 'warn',
  time: string,
): boolean {
  const { requestId, peer, request, pool, server } = record;
  const idLength = Math.min(requestId.length, TEXT_MAX);
  const requestLength = Math.min(request.length, TEXT_MAX);
  const units = idLength + requestLength + peer.length + pool.length + server.length;
  if (!lines.begin(FIXED_BYTES_MAX + units * BYTES_PER_UNIT_MAX)) return false;
  lines.text(level === 'info' ? '{"level":"info","time":"' : '{"level":"warn","time":"');
  lines.text(time);
  lines.text('","name":"load_balancing","event":"request","requestId":"');
  lines.string(requestId, idLength);
  lines.text('","peer":"');
  lines.string(peer);
  lines.text('","request":"');
  lines.string(request, requestLength);
  lines.text('","pool":"');
  lines.string(pool);
  lines.text('","server":"');
  lines.string(server);
  lines.text('","attempts":');
  lines.whole(record.attempts);
  lines.text(',"status":');
  lines.whole(record.status);
  lines.text(',"failure":"');
  lines.text(record.failure);
  lines.text('","durationMs":');
  lines.milliseconds(record.durationMs);
  lines.text(',"firstByteMs":');
  if (record.firstByteMs < 0) lines.text('-1');
  else lines.milliseconds(record.firstByteMs);
  lines.text(',"requestBodyBytes":');
  lines.whole(record.requestBodyBytes);
  lines.text(',"responseBodyBytes":');
  lines.whole(record.responseBodyBytes);
  lines.text(',"kind":"');
  lines.text(record.kind);
  if (record.trace_id !== '') {
    lines.text('","trace_id":"');
    lines.text(record.trace_id);
  }
  lines.text('"}');
  lines.end();
  return true;
}

/** The time of day as text, made once for each millisecond. */
export class IsoTime {
  #ms = -1;
  #text = '';

  /** @param wallMs milliseconds since 1970 */
  of(wallMs: number): string {
    if (wallMs !== this.#ms) {
      this.#ms = wallMs;
      this.#text = new Date(wallMs).toISOString();
    }
    return this.#text;
  }
}
