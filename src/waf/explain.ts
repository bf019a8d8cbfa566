import type { Match, Verdict } from './findings.ts';
import { SCORES } from './rule.ts';
import type { Exclusion } from './ruleset.ts';

/**
 * A verdict in words, a line for each rule that spoke: what a log line of a blocked request is made
 * of. Control characters of the snippet are made visible.
 */
export function explain(verdict: Verdict, threshold: number): string[] {
  if (verdict.matches.length === 0) return ['clean: no rule speaks'];
  const lines = verdict.matches.map(explainMatch);
  const said = verdict.isHit ? 'a hit' : 'below the threshold';
  lines.push(`score ${verdict.score} of ${threshold}: ${said}`);
  return lines;
}

function explainMatch({ rule, place, name, snippet, why, round }: Match): string {
  const where = name === '' ? place : `${place} ${JSON.stringify(name)}`;
  const decoded = round === 0 ? '' : `, decoded ${round} more ${round === 1 ? 'time' : 'times'}`;
  const seen = snippet === '' ? '' : `: ${JSON.stringify(snippet)}`;
  return `${rule.id} (+${SCORES[rule.severity]}, ${rule.severity}) ${rule.title}: ${why}, in ${where}${decoded}${seen}`;
}

/** The narrowest exclusion that silences a match: its rule, there, for that parameter. */
export function exclusionFor({ rule, name }: Match, target: string): Exclusion {
  const path = target.split('?', 1)[0]!;
  return {
    rule: rule.id,
    ...(path.startsWith('/') && { path }),
    ...(name !== '' && { parameter: name }),
  };
}
