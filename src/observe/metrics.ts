import type { Metric, Registry } from 'prom-client';
import { BOUNDS_MS, BUCKETS } from '../table/buckets.ts';
import { FAMILIES } from './families.ts';
import { type Family, type HistogramSample, TOLD_BOUNDS } from './family.ts';
import type { View } from './view.ts';

/** The metrics in Prometheus's text format, read from the shared table on each scrape. */
export class Metrics {
  #registry: Registry | null = null;
  #view: View | null = null;

  /** The text of one scrape, and what Content-Type it has. */
  async scrape(view: View): Promise<{ type: string; text: string }> {
    // Many instances are never scraped: the library, 88 modules, is loaded with the first one.
    const { Registry } = await import('prom-client');
    this.#registry ??= this.#fill(new Registry());
    this.#view = view;
    return { type: this.#registry.contentType, text: await this.#registry.metrics() };
  }

  #fill(registry: Registry): Registry {
    for (const family of FAMILIES) {
      const { name, help, type } = family;
      const collector = {
        name,
        help,
        type,
        aggregator: 'sum',
        get: () => ({ name, help, type, values: valuesOf(family, this.#view!) }),
      };
      // A collector that keeps no values of its own: all of them are in the table.
      registry.registerMetric(collector as unknown as Metric);
    }
    return registry;
  }
}

function valuesOf(family: Family, view: View): object[] {
  if (family.type !== 'histogram') return family.read(view);
  return family.read(view).flatMap((sample) => histogramValues(family.name, sample));
}

/** Cumulated counts below each bound that is told, then their sum and number. */
function histogramValues(name: string, { labels, cells }: HistogramSample): object[] {
  const values: object[] = [];
  let count = 0;
  let at = 0;
  for (const bound of TOLD_BOUNDS) {
    for (; at <= bound; at++) count += cells[at]!;
    const le = String(BOUNDS_MS[bound]! / 1000);
    values.push({ metricName: `${name}_bucket`, labels: { ...labels, le }, value: count });
  }
  for (; at < BUCKETS; at++) count += cells[at]!;
  values.push(
    { metricName: `${name}_bucket`, labels: { ...labels, le: '+Inf' }, value: count },
    { metricName: `${name}_sum`, labels, value: cells[BUCKETS]! / 1000 },
    { metricName: `${name}_count`, labels, value: count },
  );
  return values;
}
