import { StatsD } from 'hot-shots';
import { parseAddress } from '../base/address.ts';
import { BUCKETS, quantileMs } from '../table/buckets.ts';
import { HISTOGRAM_CELLS } from '../table/measures.ts';
import { FAMILIES } from './families.ts';
import { countOf, type HistogramSample, type Labels, type Sample } from './family.ts';
import type { View } from './view.ts';

export interface StatsdSettings {
  /** `host:port`, canonical. */
  readonly address: string;
  /** Prefix of each metric name. */
  readonly prefix: string;
  readonly tags: Readonly<Record<string, string>>;
}

/** Datagrams of at most this size pass every network that is not broken. */
const DATAGRAM_BYTES_MAX = 1432;

/**
 * Sends the same metrics as /metrics to StatsD: counters as what came since the last time, gauges
 * as they are, histograms as count, p50 and p99 (in milliseconds) of what came since.
 */
export class StatsdSender {
  readonly #client: StatsD;
  /** What was sent last of each counter and histogram, by name and labels. */
  #counted = new Map<string, number>();
  #timed = new Map<string, Float64Array>();

  /** @param onError hears of a name that is not found or a socket that fails; nothing is thrown */
  constructor(settings: StatsdSettings, onError: (error: Error) => void) {
    const parsed = parseAddress(settings.address);
    if (!parsed.ok || parsed.value.kind !== 'tcp') {
      throw new TypeError(`no host and port: ${settings.address}`);
    }
    this.#client = new StatsD({
      host: parsed.value.host,
      port: parsed.value.port,
      prefix: `${settings.prefix}.`,
      globalTags: { ...settings.tags },
      maxBufferSize: DATAGRAM_BYTES_MAX,
      includeDataDogTags: false,
      errorHandler: onError,
    });
  }

  send(view: View): void {
    const counted = new Map<string, number>();
    const timed = new Map<string, Float64Array>();
    for (const family of FAMILIES) {
      const name = family.name.replace(/^openclaw_|_total$|_seconds$/g, '');
      if (family.type === 'histogram') {
        for (const sample of family.read(view)) this.#time(name, sample, timed);
      } else if (family.type === 'counter') {
        for (const sample of family.read(view)) this.#count(name, sample, counted);
      } else {
        for (const { labels, value } of family.read(view)) {
          this.#client.gauge(name, value, tags(labels));
        }
      }
    }
    this.#counted = counted;
    this.#timed = timed;
  }

  close(): void {
    this.#client.close(() => {});
  }

  #count(name: string, { labels, value }: Sample, counted: Map<string, number>): void {
    const key = keyOf(name, labels);
    const before = this.#counted.get(key) ?? 0;
    // A counter that fell began anew: its server or worker is another.
    const since = value < before ? value : value - before;
    counted.set(key, value);
    if (since > 0) this.#client.increment(name, since, tags(labels));
  }

  #time(name: string, { labels, cells }: HistogramSample, timed: Map<string, Float64Array>): void {
    const key = keyOf(name, labels);
    const since = new Float64Array(HISTOGRAM_CELLS);
    const before = this.#timed.get(key);
    const isNew = before === undefined || countOf(cells) < countOf(before);
    for (let at = 0; at < HISTOGRAM_CELLS; at++) {
      since[at] = isNew ? cells[at]! : cells[at]! - before[at]!;
    }
    timed.set(key, cells);
    const count = countOf(since);
    if (count === 0) return;
    const counts = since.subarray(0, BUCKETS);
    this.#client.increment(`${name}.count`, count, tags(labels));
    this.#client.gauge(`${name}.p50`, quantileMs(counts, 0.5), tags(labels));
    this.#client.gauge(`${name}.p99`, quantileMs(counts, 0.99), tags(labels));
  }
}

function keyOf(name: string, labels: Labels): string {
  return `${name} ${Object.values(labels).join(' ')}`;
}

function tags(labels: Labels): Record<string, string> {
  return { ...labels };
}
