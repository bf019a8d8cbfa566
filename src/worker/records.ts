import { type Measures, WORKER_COUNTER } from '../table/measures.ts';
import { AccessLines } from './access-line.ts';
import { LinePieces } from './line-pieces.ts';
import type { FromWorker } from './messages.ts';
import type { ExchangeRecord } from './record.ts';

/** Failed requests sent to the control thread between flushes: it shows the last ones. */
const ERRORS_MAX = 50;

/** Where records of finished requests go. */
export interface RecordSink {
  /** A line of the access log. @param wallMs milliseconds since 1970 */
  log(record: ExchangeRecord, wallMs: number): void;
  /** A request that went wrong, or that the firewall hit, for the lists of both. */
  failed(record: ExchangeRecord): void;
}

/**
 * Sends records to the control thread: lines as bytes in large pieces, and a few of those that went
 * wrong as they are. Never waits; what cannot be handed over is counted and lost.
 */
export class RecordSender implements RecordSink {
  readonly #say: (message: FromWorker) => void;
  readonly #measures: Measures;
  readonly #lane: number;
  readonly #pieces: LinePieces;
  readonly #lines: AccessLines;
  #errors: ExchangeRecord[] = [];

  /** @param memory for lines, of `pieceMemory` */
  constructor(
    memory: SharedArrayBuffer,
    say: (message: FromWorker) => void,
    measures: Measures,
    lane: number,
  ) {
    this.#say = say;
    this.#measures = measures;
    this.#lane = lane;
    this.#pieces = new LinePieces(memory, (piece) => say({ type: 'lines', piece }));
    this.#lines = new AccessLines(this.#pieces);
  }

  log(record: ExchangeRecord, wallMs: number): void {
    const level = record.status >= 500 ? 'warn' : 'info';
    const isTaken = this.#lines.write(record, level, wallMs);
    if (!isTaken) this.#measures.add(this.#lane, WORKER_COUNTER.recordsLost, 1);
  }

  failed(record: ExchangeRecord): void {
    if (this.#errors.length === ERRORS_MAX) return;
    this.#errors.push(record);
  }

  /** Hands over what there is; called some times a second and at the end. */
  flush(): void {
    this.#pieces.flush();
    if (this.#errors.length === 0) return;
    this.#say({ type: 'errors', records: this.#errors });
    this.#errors = [];
  }

  /** A piece was written. */
  giveBack(index: number): void {
    this.#pieces.giveBack(index);
  }
}
