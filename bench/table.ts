/** The report, as Markdown that reads well in a terminal too. */
import {
  type Comparison,
  METRICS,
  type Metric,
  type Result,
  ratioSpread,
  type Spread,
  spreadOf,
} from './metrics.ts';
import { isOurs } from './peers/openclaw.ts';
import { targetOf } from './targets.ts';

export function reportOf(result: Result): string {
  const { name, title, unit, note } = result.workload;
  const metrics = (Object.keys(METRICS) as Metric[]).filter((metric) =>
    Object.values(result.turns).some((turns) => turns.some((turn) => metric in turn.values)),
  );
  return [
    `## ${name}: ${title}`,
    '',
    ...(note === undefined ? [] : [note, '']),
    figures(result, metrics, unit),
    ...ratios(result, metrics),
    ...doubts(result),
  ].join('\n');
}

function figures(result: Result, metrics: readonly Metric[], unit: string): string {
  const heads = metrics.map((metric) =>
    metric === 'cpuUs' ? `CPU µs a ${unit}` : METRICS[metric].title,
  );
  const rows = Object.entries(result.turns).map(([peer, turns]) => [
    peer,
    ...metrics.map((metric) => {
      const values = turns.flatMap((turn) => turn.values[metric] ?? []);
      return values.length === 0 ? '-' : show(spreadOf(values), METRICS[metric].digits);
    }),
  ]);
  return markdownTable(['proxy', ...heads], rows);
}

/**
 * All workloads in one table: CPU time and p99 of openclaw by those of each peer. Workloads without
 * such a ratio are left out; '' where none is left.
 */
export function summaryOf(results: readonly Result[]): string {
  const own = results.filter(({ comparisons }) => comparisons === undefined);
  const others = [...new Set(own.flatMap(({ turns }) => Object.keys(turns)))].filter(
    (name) => !isOurs(name),
  );
  const columns = others.flatMap((other) =>
    (['cpuUs', 'p99Ms'] as const).map((metric) => ({ metric, other })),
  );
  const rows = own.flatMap((result) =>
    Object.keys(result.turns)
      .filter(isOurs)
      .map((ours) => [ours, ...columns.map((at) => cell(result, ours, at))])
      .filter(([, ...cells]) => cells.some((text) => text !== '-'))
      .map((row) => [result.workload.name, ...row]),
  );
  const titles = columns.map(({ metric, other }) => `${METRICS[metric].title} / ${other}`);
  return rows.length === 0 ? '' : markdownTable(['workload', 'proxy', ...titles], rows);
}

function cell(
  result: Result,
  ours: string,
  { metric, other }: { metric: Metric; other: string },
): string {
  const ratio = ratioSpread(result.turns[ours] ?? [], result.turns[other] ?? [], metric);
  if (ratio === undefined) return '-';
  return show(ratio, 2) + verdict(result, metric, ratio.median, ours, other);
}

/** The figures of each comparison divided, with the targets that there are. */
function ratios(result: Result, metrics: readonly Metric[]): string[] {
  const rows = comparisonsOf(result).map(([ours, other]) => [
    `${ours} / ${other}`,
    ...metrics.map((metric) => cell(result, ours, { metric, other })),
  ]);
  const own = Object.entries(result.turns).flatMap(([ours, turns]) =>
    metrics.flatMap((metric) => {
      const values = turns.flatMap((turn) => turn.values[metric] ?? []);
      const judged = verdict(result, metric, spreadOf(values).median, ours);
      return judged === '' ? [] : [`${ours}, ${METRICS[metric].title}:${judged}`];
    }),
  );
  const titles = metrics.map((metric) => METRICS[metric].title);
  const table = rows.length === 0 ? [] : ['', markdownTable(['ratio', ...titles], rows)];
  return own.length === 0 ? table : [...table, '', own.join('; ')];
}

function comparisonsOf({ comparisons, turns }: Result): readonly Comparison[] {
  if (comparisons !== undefined) return comparisons;
  const names = Object.keys(turns);
  const others = names.filter((name) => !isOurs(name));
  return names.filter(isOurs).flatMap((ours) => others.map((other): Comparison => [ours, other]));
}

/** The target's bound and whether it holds, or nothing where there is no target. */
function verdict(
  result: Result,
  metric: Metric,
  value: number,
  ours: string,
  peer?: string,
): string {
  const target = targetOf(result.workload.name, metric, ours, peer);
  if (target === undefined || Number.isNaN(value)) return '';
  const bound = `at most ${Number(target.atMost.toFixed(2))}`;
  if (errorsOf(result, ours) + (peer === undefined ? 0 : errorsOf(result, peer)) > 0) {
    return ` ${bound}: IN DOUBT, see below`;
  }
  if (value <= target.atMost) return ` ${bound}: reached`;
  if (target.atMost === 0) return ` ${bound}: MISSED`;
  return ` ${bound}: MISSED by ${Math.round((value / target.atMost - 1) * 100)}%`;
}

/** How many requests of a proxy failed, over all rounds. */
export function errorsOf(result: Result, peer: string): number {
  return result.turns[peer]!.reduce((sum, turn) => sum + turn.errors, 0);
}

/** What keeps a proxy's figures from being trusted. */
function doubts(result: Result): string[] {
  const lines = Object.entries(result.failures).map(([peer, why]) => `${peer} failed: ${why}`);
  for (const peer of Object.keys(result.turns)) {
    const errors = errorsOf(result, peer);
    if (errors > 0) {
      lines.push(
        `${peer}: ${errors} times a ${result.workload.unit} failed; do not trust its figures`,
      );
    }
  }
  return lines.length === 0 ? [] : ['', ...lines];
}

/** `median (min-max)`; the median alone where there was one round. */
function show({ median, min, max }: Spread, digits: number): string {
  const text = (value: number) => value.toFixed(digits);
  return min === max ? text(median) : `${text(median)} (${text(min)}-${text(max)})`;
}

function markdownTable(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const widths = head.map((title, column) =>
    Math.max(title.length, ...rows.map((row) => row[column]!.length)),
  );
  const line = (cells: readonly string[]) =>
    `| ${cells.map((cell, column) => cell.padEnd(widths[column]!)).join(' | ')} |`;
  return [head, widths.map((width) => '-'.repeat(width)), ...rows].map(line).join('\n');
}
