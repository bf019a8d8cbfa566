import { INVARIANTS, type Violation } from './invariants.ts';
import type { Outcome } from './simulation.ts';

/** What a seed broke, the events before it, and how to replay it. */
export function reportOf(outcome: Outcome): string {
  const parts = outcome.violations.slice(0, 3).map(describe);
  return `seed ${outcome.seed} failed (trace ${outcome.traceHash})\n${parts.join('\n')}
replay it with: npm run sim -- --seed ${outcome.seed} --verbose\n`;
}

function describe(violation: Violation): string {
  const { invariant, what, atMs, trace } = violation;
  const events = trace.map((line) => `    ${line}`).join('\n');
  return `  ${INVARIANTS[invariant]} (${invariant})\n  at ${atMs.toFixed(3)} ms: ${what}\n${events}`;
}
