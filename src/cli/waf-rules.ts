/** `openclaw waf rules`: the list of them. */
import { RULES, SCORES } from '../waf/catalogue.ts';
import type { Io } from './io.ts';
import { textTable } from './text-table.ts';

export interface RulesOptions {
  class?: string;
  json?: boolean;
}

export function listRules(io: Io, options: RulesOptions): void {
  const rules = RULES.filter((rule) => options.class === undefined || rule.class === options.class);
  if (options.json) {
    const rows = rules.map(({ id, class: kind, severity, paranoia, title, where }) => ({
      id,
      class: kind,
      severity,
      score: SCORES[severity],
      paranoia_level: paranoia,
      title,
      where,
    }));
    io.out(`${JSON.stringify(rows, null, 2)}\n`);
    return;
  }
  const columns = [
    { title: 'RULE' },
    { title: 'CLASS' },
    { title: 'SEVERITY' },
    { title: 'SCORE', align: 'right' as const },
    { title: 'LEVEL', align: 'right' as const },
    { title: 'DETECTS', isFlexible: true },
  ];
  const rows = rules.map((rule) => [
    rule.id,
    rule.class,
    rule.severity,
    String(SCORES[rule.severity]),
    String(rule.paranoia),
    rule.title,
  ]);
  io.out(`${textTable(columns, rows, { widthMax: 140, isColoured: io.outColour === true })}\n`);
}
