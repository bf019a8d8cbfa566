import { type ExchangeRecord, OBSERVED, wentWrong } from '../../worker/record.ts';

/** A record, and when the control thread heard of it. */
export type TimedRecord = ExchangeRecord & { atMs: number };

const RECORDS_MAX = 100;

/** The last requests that somebody should look at. */
export class RecentRequests {
  readonly #errors: TimedRecord[] = [];
  readonly #hits: TimedRecord[] = [];

  add(record: ExchangeRecord): void {
    const timed = { ...record, atMs: Date.now() };
    if (wentWrong(record)) keep(this.#errors, timed);
    if (record.verdicts?.some((line) => !line.startsWith(OBSERVED)) === true) {
      keep(this.#hits, timed);
    }
  }

  /** Those that went wrong, the newest first. */
  errors(): readonly TimedRecord[] {
    return this.#errors.toReversed();
  }

  /** Those that the firewall took for attacks, whatever became of them; the newest first. */
  hits(): readonly TimedRecord[] {
    return this.#hits.toReversed();
  }
}

function keep(records: TimedRecord[], record: TimedRecord): void {
  records.push(record);
  if (records.length > RECORDS_MAX) records.shift();
}
