/** Tables of single requests: those that went wrong, and those that the firewall spoke of. */
import { clock } from './readable.js';

export class RequestTable {
  /** @param {(record: object, words: object) => [label: string, text: string, className?: string][]} cells */
  constructor(body, cells) {
    this.body = body;
    this.cells = cells;
    this.shown = '';
  }

  /** What stays the same is left alone, so that a selection or a screen reader is not disturbed. */
  show(records, words) {
    const shown = `${words.time} ${records.map(({ atMs, requestId }) => `${atMs} ${requestId}`).join()}`;
    if (shown === this.shown) return;
    this.shown = shown;
    this.body.replaceChildren(...records.map((record) => rowOf(this.cells(record, words))));
  }
}

function rowOf(cells) {
  const row = document.createElement('tr');
  row.setAttribute('role', 'row');
  for (const [label, text, className = ''] of cells) {
    const cell = document.createElement('td');
    cell.setAttribute('role', 'cell');
    cell.dataset.label = label;
    cell.className = className;
    cell.textContent = text;
    row.append(cell);
  }
  return row;
}

export function errorCells(error, words) {
  return [
    [words.time, clock(error.atMs)],
    [words.status, error.status === 0 ? '–' : String(error.status), 'number'],
    [words.failure, error.failure || words.answered],
    [words.request, error.request || '–', 'long'],
    [words.server, error.server || '–'],
    [words.client, error.client ?? error.peer],
  ];
}

export function hitCells(hit, words) {
  const rules = hit.verdicts.slice(0, -1);
  const more = rules.length > 1 ? ` ${words.more(rules.length - 1)}` : '';
  return [
    [words.time, clock(hit.atMs)],
    [words.outcome, hit.failure === 'waf_blocked' ? words.blocked : words.detected],
    [words.rule, `${rules[0] ?? hit.verdicts[0]}${more}`, 'long'],
    [words.request, hit.request || '–', 'long'],
    [words.client, hit.client ?? hit.peer],
  ];
}
