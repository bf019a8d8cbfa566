import { BYTES_PER_UNIT_MAX, type LinePieces } from './line-pieces.ts';
import type { ExchangeRecord } from './record.ts';

/** Of a text that a client chose no more is written. */
const TEXT_MAX = 8 * 1024;
/** What a line takes beside such texts. */
const FIXED_BYTES_MAX = 1024;
/** Beyond so many servers, those that came and went over the years, all are made anew. */
const SERVERS_MAX = 1024;

const PEER = Buffer.from('","peer":"');
const REQUEST = Buffer.from('","request":"');
const STATUS = Buffer.from(',"status":');
const NO_FAILURE = Buffer.from(',"failure":"","durationMs":');
const FAILURE = Buffer.from(',"failure":"');
const DURATION = Buffer.from('","durationMs":');
const FIRST_BYTE = Buffer.from(',"firstByteMs":');
const NONE = Buffer.from('-1');
const REQUEST_BODY = Buffer.from(',"requestBodyBytes":');
const RESPONSE_BODY = Buffer.from(',"responseBodyBytes":');
const TRACE = Buffer.from(',"trace_id":"');
const CLIENT = Buffer.from(',"client":"');
const QUOTE = Buffer.from('"');
const END = Buffer.from('}\n');
const KINDS = {
  'HTTP/1': kindsOf('HTTP/1'),
  'HTTP/2': kindsOf('HTTP/2'),
};

/**
 * Lines of the access log: the same JSON as the log's own lines, but put together here, for a
 * general serialiser costs about as much as it does to forward a request. What is the same in many
 * lines is kept as bytes: a line is a dozen copies and some digits.
 */
export class AccessLines {
  readonly #lines: LinePieces;
  readonly #servers = new Map<string, { pool: string; bytes: Uint8Array }>();
  #headMs = -1;
  readonly #heads = { info: NONE, warn: NONE };

  constructor(lines: LinePieces) {
    this.#lines = lines;
  }

  /**
   * @param wallMs milliseconds since 1970
   * @returns false where the line was dropped
   */
  write(record: ExchangeRecord, level: 'info' | 'warn', wallMs: number): boolean {
    const lines = this.#lines;
    const { requestId, peer, request, pool, server, failure, kind, client = '' } = record;
    const rare = rareOf(record);
    const idLength = Math.min(requestId.length, TEXT_MAX);
    const requestLength = Math.min(request.length, TEXT_MAX);
    const units = idLength + requestLength + peer.length + pool.length + server.length;
    const rareBytes = rare === null ? 0 : rare.length;
    if (!lines.begin(FIXED_BYTES_MAX + units * BYTES_PER_UNIT_MAX + rareBytes)) return false;
    lines.copy(this.#head(level, wallMs));
    lines.string(requestId, idLength);
    lines.copy(PEER);
    lines.string(peer);
    lines.copy(REQUEST);
    lines.string(request, requestLength);
    lines.copy(this.#server(pool, server));
    lines.whole(record.attempts);
    lines.copy(STATUS);
    lines.whole(record.status);
    if (failure === '') lines.copy(NO_FAILURE);
    else {
      lines.copy(FAILURE);
      lines.string(failure);
      lines.copy(DURATION);
    }
    lines.milliseconds(record.durationMs);
    lines.copy(FIRST_BYTE);
    if (record.firstByteMs < 0) lines.copy(NONE);
    else lines.milliseconds(record.firstByteMs);
    lines.copy(REQUEST_BODY);
    lines.whole(record.requestBodyBytes);
    lines.copy(RESPONSE_BODY);
    lines.whole(record.responseBodyBytes);
    if (record.trace_id !== '') {
      lines.copy(TRACE);
      lines.string(record.trace_id);
      lines.copy(QUOTE);
    }
    if (client !== '') {
      lines.copy(CLIENT);
      lines.string(client);
      lines.copy(QUOTE);
    }
    if (rare !== null) lines.copy(rare);
    lines.copy(KINDS[record.protocol][kind]);
    lines.copy(END);
    lines.end();
    return true;
  }

  /** Up to the request's id; made once for each millisecond. */
  #head(level: 'info' | 'warn', wallMs: number): Uint8Array {
    if (wallMs !== this.#headMs) {
      this.#headMs = wallMs;
      const rest = `"time":"${new Date(wallMs).toISOString()}","name":"load_balancing","event":"request","requestId":"`;
      this.#heads.info = Buffer.from(`{"level":"info",${rest}`);
      this.#heads.warn = Buffer.from(`{"level":"warn",${rest}`);
    }
    return this.#heads[level];
  }

  /** From the request's end to the number of attempts; made once for each server. */
  #server(pool: string, server: string): Uint8Array {
    const known = this.#servers.get(server);
    if (known !== undefined && known.pool === pool) return known.bytes;
    const text = `","pool":${JSON.stringify(pool)},"server":${JSON.stringify(server)},"attempts":`;
    if (this.#servers.size === SERVERS_MAX) this.#servers.clear();
    const bytes = Buffer.from(text);
    this.#servers.set(server, { pool, bytes });
    return bytes;
  }
}

/** What few lines have. */
function rareOf({ verdicts, repeats }: ExchangeRecord): Uint8Array | null {
  if (verdicts === undefined && repeats === undefined) return null;
  return Buffer.from(`,${JSON.stringify({ verdicts, repeats }).slice(1, -1)}`);
}

function kindsOf(protocol: ExchangeRecord['protocol']) {
  const of = (kind: ExchangeRecord['kind']) =>
    Buffer.from(`,"kind":"${kind}","protocol":"${protocol}"`);
  return { request: of('request'), stream: of('stream'), tunnel: of('tunnel') };
}
