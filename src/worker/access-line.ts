import { printableJson } from '../base/printable.ts';
import type { LinePieces } from './line-pieces.ts';
import type { ExchangeRecord } from './record.ts';

/** Of a text that a client chose no more is written. */
const TEXT_MAX = 8 * 1024;
/** Beyond so many servers, those that came and went over the years, all are made anew. */
const SERVERS_MAX = 1024;

/** What stands in a JSON string as it is. */
const PLAIN = /^[ !#-[\]-~]*$/;

/**
 * Lines of the access log: the same JSON as the log's own lines, but put together here, for a
 * general serialiser costs about as much as it does to forward a request. What is the same in many
 * lines is made once.
 */
export class AccessLines {
  readonly #lines: LinePieces;
  readonly #servers = new Map<string, { pool: string; text: string }>();
  #headMs = -1;
  readonly #heads = { info: '', warn: '' };

  constructor(lines: LinePieces) {
    this.#lines = lines;
  }

  /**
   * @param wallMs milliseconds since 1970
   * @returns false where the line was dropped
   */
  write(record: ExchangeRecord, level: 'info' | 'warn', wallMs: number): boolean {
    const { pool, server, attempts, status, failure, kind, protocol } = record;
    const firstByteMs = record.firstByteMs < 0 ? '-1' : milliseconds(record.firstByteMs);
    return this.#lines.add(
      `${this.#head(level, wallMs)}${inside(record.requestId)}","peer":"${record.peer}","request":"${inside(record.request)}${this.#server(pool, server)}${attempts},"status":${status},"failure":"${failure}","durationMs":${milliseconds(record.durationMs)},"firstByteMs":${firstByteMs},"requestBodyBytes":${record.requestBodyBytes},"responseBodyBytes":${record.responseBodyBytes}${rareOf(record)},"kind":"${kind}","protocol":"${protocol}"}\n`,
    );
  }

  /** Up to the request's id; made once for each millisecond. */
  #head(level: 'info' | 'warn', wallMs: number): string {
    if (wallMs !== this.#headMs) {
      this.#headMs = wallMs;
      const rest = `"time":"${new Date(wallMs).toISOString()}","name":"load_balancing","event":"request","requestId":"`;
      this.#heads.info = `{"level":"info",${rest}`;
      this.#heads.warn = `{"level":"warn",${rest}`;
    }
    return this.#heads[level];
  }

  /** From the request's end to the number of attempts; made once for each server. */
  #server(pool: string, server: string): string {
    const known = this.#servers.get(server);
    if (known !== undefined && known.pool === pool) return known.text;
    const text = `","pool":"${inside(pool)}","server":"${inside(server)}","attempts":`;
    if (this.#servers.size === SERVERS_MAX) this.#servers.clear();
    this.#servers.set(server, { pool, text });
    return text;
  }
}

/** What only some lines have. */
function rareOf({ trace_id, client, verdicts, repeats }: ExchangeRecord): string {
  let text = trace_id === '' ? '' : `,"trace_id":"${trace_id}"`;
  if (client !== undefined) text += `,"client":"${inside(client)}"`;
  if (verdicts !== undefined || repeats !== undefined) {
    text += `,${bytesOf(printableJson(JSON.stringify({ verdicts, repeats }))).slice(1, -1)}`;
  }
  return text;
}

/** The inside of a JSON string. */
function inside(text: string): string {
  if (text.length > TEXT_MAX) return inside(text.slice(0, TEXT_MAX));
  return PLAIN.test(text) ? text : bytesOf(printableJson(JSON.stringify(text))).slice(1, -1);
}

/** A character for each byte of the text's UTF-8. */
function bytesOf(text: string): string {
  return Buffer.from(text).toString('latin1');
}

/** @param value from 0 on; three digits of it are written */
function milliseconds(value: number): string {
  const us = Math.round(value * 1000);
  // Whole numbers are spelled much faster than others.
  const whole = Math.floor(us / 1000);
  const rest = us - whole * 1000;
  if (rest < 10) return `${whole}.00${rest}`;
  return rest < 100 ? `${whole}.0${rest}` : `${whole}.${rest}`;
}
