/** Questions about the tokens around a place that `walk` asks. */

import { callKind } from './sql-grammar.ts';
import type { SqlToken } from './sql-tokens.ts';

/** How the statement stands where the value begins. */
export type Before = 'quoted' | 'number' | 'name' | 'nothing';

/** How many tokens of [NOT] DISTINCT FROM stand there. */
export function distinctFrom(tokens: readonly SqlToken[], at: number): 0 | 2 | 3 {
  const not = tokens[at]?.text === 'not' ? 1 : 0;
  if (tokens[at + not]?.text !== 'distinct' || tokens[at + not + 1]?.text !== 'from') return 0;
  return not === 1 ? 3 : 2;
}

/** `"or"9`, `'a'b`: no operator and no blank, as in a password; no database reads it. */
export function isGlued(token: SqlToken, next: SqlToken | undefined): boolean {
  return next?.at === token.end && (next.type === 'name' || next.type === 'number');
}

/** `2#kQ`: whoever comments out the rest leaves a blank behind the mark, or nothing. */
export function isHashWord(token: SqlToken | undefined, next: SqlToken | undefined): boolean {
  return next?.type === 'comment' && next.at === token?.end && /^#\w/.test(next.text);
}

/** `if(1=1,a,b)`, `iif(2>1,a,b)`: what is compared is known before, as only a probe's is. */
export function comparesLiterals(tokens: readonly SqlToken[], at: number): boolean {
  const name = tokens[at]!.text;
  if (name !== 'if' && name !== 'iif') return false;
  const [left, compare, right, comma] = tokens.slice(at + 2, at + 6);
  return (
    left?.type === 'number' &&
    compare?.type === 'compare' &&
    right?.type === 'number' &&
    comma?.type === ','
  );
}

/** `order=id,(select ...)`, `1,(cast(...))`, `1,iif(...)`: a list that goes on with a computation. */
export function opensCall(tokens: readonly SqlToken[], at: number): boolean {
  let first = at;
  while (tokens[first]?.type === '(') first++;
  const token = tokens[first];
  if (first > at && (token?.type === 'select' || token?.text === 'case')) return true;
  return tokens[first + 1]?.type === '(' && callKind(token!.text) !== 'none';
}

/** `--`, `-- -`, `--+`, `#`, `-- xYzQ`: nothing or one word after the mark. */
export function isShortComment(token: SqlToken): boolean {
  return token.end - token.at <= 12 || token.text.startsWith('/*');
}

/** `=`, `<>`, `<` and their like, which no sentence holds between two quotes. */
export function isSymbol(compare: string): boolean {
  return '=<>!@?~'.includes(compare[0]!);
}

/** `"like"`: a word in quotes of its own, and no operator between two strings. */
export function isQuotedWord(tokens: readonly SqlToken[], at: number): boolean {
  const word = tokens[at - 1]!;
  const open = tokens[at]!;
  return !isSymbol(word.text) && word.end === open.at && open.end - open.at === 1;
}

/** `... = '1`, `... = '`: a comparison whose right side the application's own quote closes. */
export function endsInValue(open: SqlToken, compare: string): boolean {
  return isSymbol(compare) && /^['"][\w%]{0,40}$/.test(open.text);
}

/** `1'||'a'||'`: a string put between two halves of the application's own. */
export function isConcat(tokens: readonly SqlToken[], at: number): boolean {
  return tokens[at - 1]!.text === '||' && tokens[at - 2]?.type === 'string';
}

/** `''`, `""` */
export function isEmpty(token: SqlToken | undefined): boolean {
  return token?.type === 'string' && token.end - token.at === 2;
}

/** The quote alone: the application's own closes it. */
export function isLone(open: SqlToken): boolean {
  return open.end - open.at === 1;
}

/** `' or '1`: an open string that a database takes for true begins with a digit. */
export function isTruth(token: SqlToken): boolean {
  const first = token.text.charCodeAt(1);
  return first >= 48 && first <= 57;
}

export function isTruthLiteral(token: SqlToken): boolean {
  return token.text === 'true' || token.text === 'false';
}

/** Whether a value ends at `at`, parentheses closed and the rest commented out. */
export function endsAt(tokens: readonly SqlToken[], at: number): boolean {
  let end = at;
  if (tokens[end]?.text === '::') end += 2;
  while (tokens[end]?.type === ')') end++;
  const token = tokens[end];
  if (!token || token.type === 'comment' || token.type === ';') return true;
  const next = tokens[end + 1];
  return (
    (token.text === 'limit' && next?.type === 'number') ||
    (/^(?:order|group)$/.test(token.text) && next?.text === 'by')
  );
}

/** '1', 0x1, 1e0: other spellings of true that nobody writes to a person. */
export const IS_TRUTH = /^(?:['"]0*1['"]|0x0*1|\d{1,3}e\d)$/;

/** `not 0`, `!0`, `~0`, `not(0)` */
export function isNegated(tokens: readonly SqlToken[], at: number): boolean {
  let before = at - 1;
  while (tokens[before]?.type === '(' || /^[-+]$/.test(tokens[before]?.text ?? '')) before--;
  const text = tokens[before]?.text;
  return text === 'not' || text === '!' || text === '~';
}

/** CASE WHEN ... THEN: without its THEN it is a title. */
export function hasThen(tokens: readonly SqlToken[], at: number): boolean {
  return tokens.slice(at, at + 64).some((it) => it.text === 'then');
}

/** `' + (...) + '`: more than one operator around something between the two quotes. */
export function opensJoin(tokens: readonly SqlToken[], at: number): boolean {
  const kind = tokens[at - 2]?.type;
  return kind === 'number' || kind === ')' || kind === 'variable';
}

/** A comparison whose right side is a column: the value ends there, or a comment does it. */
export function comparisonEnds(tokens: readonly SqlToken[], at: number): boolean {
  const next = tokens[at + 1];
  return !next || next.type === 'comment' || next.type === 'open' || next.type === ')';
}

/** sleep(5) alone is an attack; sleep(5) with a program around it is that program's. */
export function callIsPlain(tokens: readonly SqlToken[], at: number, before: Before): boolean {
  if (before === 'name' && tokens[at + 2]?.type === 'name') return false; // x = load_file(path)
  if (before !== 'nothing' || at > 0) return true;
  if (tokens[at + 1]!.at !== tokens[at]!.end) return false; // `sleep (deeply)`
  if (tokens[at + 2]?.type === 'number' && tokens[at + 3]?.type === 'name') return false; // 8 hours
  let depth = 0;
  for (let end = at + 1; end < tokens.length; end++) {
    if (tokens[end]!.type === '(') depth++;
    else if (tokens[end]!.type === ')' && --depth === 0) {
      const after = tokens[end + 1]?.type;
      return after !== 'name' && after !== 'other' && (after !== ';' || !tokens[end + 2]);
    }
  }
  return true;
}
