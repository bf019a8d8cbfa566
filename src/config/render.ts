import { stripVTControlCharacters, styleText } from 'node:util';
import { printableLines } from '../base/printable.ts';
import type { Problem } from './problem.ts';

type Style = Parameters<typeof styleText>[0];

/**
 * One problem as a compiler would show it:
 *
 *     openclaw.yml:3:3: error: unknown setting "helth_check" in load_balancing
 *         3 |   helth_check:
 *           |   ^^^^^^^^^^^
 *       help: did you mean "health_check"?
 */
export function renderProblem(problem: Problem, colour = false): string {
  const paint = (style: Style, text: string) =>
    colour ? styleText(style, text, { validateStream: false }) : text;
  const isError = problem.severity === 'error';
  const gutter = String(problem.line).padStart(5);
  const place = `${printable(problem.file)}:${problem.line}:${problem.column}:`;
  const severity = paint(isError ? ['red', 'bold'] : ['yellow', 'bold'], `${problem.severity}:`);
  const { shown, caretAt, caretWidth } = clip(problem);
  const caret = paint(isError ? 'red' : 'yellow', '^'.repeat(caretWidth));
  const lines = [
    `${paint('bold', place)} ${severity} ${printable(problem.message)}`,
    `${paint('dim', `${gutter} |`)} ${shown}`,
    `${paint('dim', '      |')} ${' '.repeat(caretAt)}${caret}`,
  ];
  for (const label of ['expected', 'found', 'help'] as const) {
    const text = problem[label];
    if (text !== undefined) lines.push(`  ${paint('cyan', `${label}:`)} ${printable(text)}`);
  }
  return lines.join('\n');
}

/** More than this nobody reads at one go. */
const RENDERED_MAX = 40;

/** An empty line between two, errors first, each group by its place. */
export function renderProblems(problems: readonly Problem[], colour = false): string {
  const rendered = inOrder(problems)
    .slice(0, RENDERED_MAX)
    .map((problem) => renderProblem(problem, colour));
  const more = problems.length - rendered.length;
  if (more > 0) rendered.push(`... and ${more} more; openclaw config validate --json has them all`);
  return rendered.join('\n\n');
}

export function inOrder(problems: readonly Problem[]): Problem[] {
  const rank = (problem: Problem) => (problem.severity === 'error' ? 0 : 1);
  return [...problems].sort((a, b) => rank(a) - rank(b) || a.line - b.line || a.column - b.column);
}

const LINE_WIDTH_MAX = 100;

/** A long line is cut around the caret; tabs are one space wide, so that the caret fits. */
function clip(problem: Problem): { shown: string; caretAt: number; caretWidth: number } {
  const text = printable(problem.lineText);
  const start = problem.column - 1;
  const from =
    text.length <= LINE_WIDTH_MAX
      ? 0
      : Math.max(0, Math.min(start - 20, text.length - LINE_WIDTH_MAX));
  const cut = text.slice(from, from + LINE_WIDTH_MAX);
  const shown = from > 0 ? `...${cut.slice(3)}` : cut;
  const before = text.slice(from, start);
  const width = Math.max(1, Math.min(problem.width, LINE_WIDTH_MAX - (start - from)));
  return {
    shown,
    caretAt: columns(before),
    caretWidth: columns(text.slice(start, start + width)) || 1,
  };
}

/** A file's control characters never reach the terminal. */
function printable(text: string): string {
  return printableLines(stripVTControlCharacters(text));
}

/** Columns of a terminal: wide characters of East Asia take two. */
function columns(text: string): number {
  let count = 0;
  for (const char of text) count += WIDE.test(char) ? 2 : 1;
  return count;
}

const WIDE =
  /[\u1100-\u115f\u2e80-\u303e\u3041-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6\u{1f300}-\u{1faff}\u{20000}-\u{3fffd}]/u;
