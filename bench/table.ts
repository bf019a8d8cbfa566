/** The report, as Markdown that reads well in a terminal too. */
import { METRICS, type Metric, ratioSpread, type Spread, spreadOf, type Turn } from './metrics.ts';
import { TARGETS } from './targets.ts';
import type { Workload } from './workloads/workload.ts';

/** One workload's turns, a list for each proxy, round by round. */
export interface Result {
  readonly workload: Pick<Workload, 'name' | 'title' | 'unit'>;
  readonly turns: Readonly<Record<string, readonly Turn[]>>;
}

/** The proxy that the ratios are of. */
const OURS = 'openclaw';

export function reportOf(result: Result): string {
  const { name, title, unit } = result.workload;
  const metrics = (Object.keys(METRICS) as Metric[]).filter((metric) =>
    Object.values(result.turns).some((turns) => turns.some((turn) => metric in turn.values)),
  );
  return [
    `## ${name}: ${title}`,
    '',
    figures(result, metrics, unit),
    ...ratios(result, metrics),
    ...failures(result),
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

/** openclaw's figures over each peer's, with the targets that there are. */
function ratios(result: Result, metrics: readonly Metric[]): string[] {
  const ours = result.turns[OURS];
  if (ours === undefined) return [];
  const peers = Object.keys(result.turns).filter((peer) => peer !== OURS);
  const rows = peers.map((peer) => [
    `${OURS} / ${peer}`,
    ...metrics.map((metric) => {
      const ratio = ratioSpread(ours, result.turns[peer]!, metric);
      if (ratio === undefined) return '-';
      return show(ratio, 2) + verdict(result.workload.name, metric, ratio.median, peer);
    }),
  ]);
  const own = metrics.flatMap((metric) => {
    const values = ours.flatMap((turn) => turn.values[metric] ?? []);
    const judged = verdict(result.workload.name, metric, spreadOf(values).median);
    return judged === '' ? [] : [`${OURS}, ${METRICS[metric].title}:${judged}`];
  });
  const titles = metrics.map((metric) => METRICS[metric].title);
  const table = rows.length === 0 ? [] : ['', markdownTable(['ratio', ...titles], rows)];
  return own.length === 0 ? table : [...table, '', ...own];
}

function verdict(workload: string, metric: Metric, value: number, peer?: string): string {
  const target = TARGETS.find(
    (each) => each.workload === workload && each.metric === metric && each.peer === peer,
  );
  if (target === undefined) return '';
  const bound = `at most ${Number(target.atMost.toFixed(2))}`;
  if (value <= target.atMost) return ` ${bound}: reached`;
  return ` ${bound}: MISSED by ${Math.round((value / target.atMost - 1) * 100)}%`;
}

function failures(result: Result): string[] {
  const lines = Object.entries(result.turns).flatMap(([peer, turns]) => {
    const errors = turns.reduce((sum, turn) => sum + turn.errors, 0);
    return errors === 0 ? [] : [`${peer}: ${errors} failed, so its figures are not to be trusted`];
  });
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
