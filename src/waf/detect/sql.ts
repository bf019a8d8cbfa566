/**
 * SQL injection, told by grammar. A value ends up in a statement in one of three ways: bare, inside
 * single quotes, inside double quotes. In each it is read on from where the application's own text
 * stops, as operands and operators in turn. Prose breaks that grammar at its second word; an
 * injection keeps to it, and on the way shows a condition, a union, a second statement, a call.
 */

import { WORD_LOGIC, WORD_SQL } from '../features.ts';
import type { Findings } from '../findings.ts';
import type { Subject } from '../subject.ts';
import { unionList } from './sql-grammar.ts';
import { isStatement } from './sql-statements.ts';
import { isWordStart, type SqlToken, type SqlType, sqlTokens } from './sql-tokens.ts';
import { type Evidence, walk } from './sql-walk.ts';

const TOKENS_MAX = 400;

/** Unions looked at in one value, wherever they stand. */
const UNIONS_MAX = 8;

export function detectSql(subject: Subject, findings: Findings): void {
  const { text } = subject;
  judge(subject, findings, text);
  if ((subject.words & (WORD_SQL | WORD_LOGIC)) !== 0 && text.includes('+')) {
    judge(subject, findings, text.replaceAll('+', ' ')); // a form's blank, encoded twice
  }
  if (!text.includes('/*')) return;
  const run = EXECUTED.exec(text);
  if (run && !subject.prose) {
    findings.signal('sql-marker', subject, run.index, run.index + 60, 'a comment that MySQL runs');
  }
  // Some filters delete comments, and so put together the words that they parted.
  const joined = withoutComments(text);
  if (joined === text) return;
  judge(subject, findings, joined);
  if (/union(?:all)?select/i.test(joined) && !/union(?:all)?select/i.test(text)) {
    findings.signal('sql-union', subject, 0, text.length, 'UNION SELECT in pieces');
  }
}

/** A comment of MySQL's that holds a program: a version number or a keyword behind its mark. */
const EXECUTED =
  /\/\*!(?:\d{5,6}\s{0,4}[a-z(]|\s{0,4}(?:union|select|and|or|all|concat|from|where|sleep|limit|into|group_concat|order)\b\s{0,4}[*(])/i;

function judge(subject: Subject, findings: Findings, text: string): void {
  const seen =
    inBareShown(subject, text) ??
    inQuotes(subject, text, "'") ??
    inQuotes(subject, text, '"') ??
    anywhere(subject, text);
  if (seen) findings.signal(seen.signal, subject, seen.at, text.length, seen.why);
  const worded = text !== subject.text || (subject.words & WORD_SQL) !== 0;
  const statement = worded ? wholeStatement(text) : undefined;
  if (statement)
    findings.signal(statement.signal, subject, statement.at, text.length, statement.why);
}

/** Characters before what gave a bare value away that are shown with it. */
const SHOWN_BEFORE = 40;

function inBareShown(subject: Subject, text: string): Evidence | undefined {
  const seen = inBare(subject, text);
  return seen && { ...seen, at: Math.max(0, seen.at - SHOWN_BEFORE) };
}

function inBare(subject: Subject, text: string): Evidence | undefined {
  const [first, second] = sqlTokens(text, 0, 2);
  if (first?.type === 'variable' && first.text.startsWith('@@') && second?.type === 'comment') {
    return { signal: 'sql-marker', why: 'a variable of the server and a comment', at: 0 };
  }
  if (!first || !second) return undefined;
  const operand = first.type === 'name' || first.type === 'string' || first.type === 'number';
  if (operand && STRANGERS.has(second.type)) return undefined;
  // A word that no operator follows: prose, a path, a name.
  if (operand && second.type === ',' && sqlTokens(text, second.end, 1)[0]?.type !== '(') {
    return undefined;
  }
  const tokens = sqlTokens(text, 0, TOKENS_MAX);
  let at = 0;
  while (tokens[at]?.type === 'operator' && '+-~!'.includes(tokens[at]!.text)) at++;
  const kind = tokens[at]?.type;
  if (kind === 'number' || kind === 'variable' || kind === 'null') {
    return walk(tokens, at + 1, true, 'number');
  }
  if (kind === 'string') return walk(tokens, at + 1, true, 'name');
  if (kind === 'clause' && /^(?:asc|desc)$/.test(tokens[at]!.text))
    return walk(tokens, at + 1, true, 'name'); // the direction of an order
  if (kind === 'name' && tokens[at + 1]?.type !== '(') {
    const last = tokens.at(-1)!;
    const spoken =
      subject.prose &&
      (!keepsToGrammar(tokens, 0) || (last.type === 'comment' && subject.proseAfter(last.at)));
    return spoken ? undefined : walk(tokens, at + 1, true, 'name');
  }
  const seen = walk(tokens, 0, true, 'nothing') ?? walk(tokens, 0, false, 'nothing');
  return seen?.signal === 'sql-condition' && !keepsToGrammar(tokens, 0) ? undefined : seen;
}

/** What never follows a closed string in SQL: two operands have an operator between them. */
const STRANGERS: ReadonlySet<SqlType> = new Set([
  'name',
  'number',
  'string',
  'open',
  'other',
  'variable',
]);

function inQuotes(subject: Subject, text: string, quote: string): Evidence | undefined {
  const at = text.indexOf(quote);
  if (at < 0) return undefined;
  if (STRANGERS.has(sqlTokens(text, at + 1, 1)[0]?.type ?? 'other')) return undefined;
  const [first, second] = sqlTokens(text, at + 1, 2) as [SqlToken, SqlToken | undefined];
  const before = text.slice(0, at);
  if (first.type === 'comment') {
    // admin'-- : the quote is closed and the application's own rest commented out.
    const tail = text.slice(first.at, first.end);
    const marked = tail.startsWith('--') || tail.startsWith('/*') || tail.length <= 2;
    if (isBareword(before) && marked && tail.length <= 12 && !isSecret(subject)) {
      return { signal: 'sql-comment', why: `${quote} closes a string, then a comment`, at };
    }
    return undefined;
  }
  if (first.type === ';' && (!second || second.type === 'comment') && isBareword(before)) {
    if ((!second && before === '') || isSecret(subject)) return undefined;
    return { signal: 'sql-comment', why: `${quote} closes a string and ends the statement`, at };
  }
  const tokens = sqlTokens(text, at + 1, TOKENS_MAX);
  if (isJoin(tokens) && before.trim() === '' && text.length <= JOIN_LENGTH_MAX) {
    return { signal: 'sql-condition', why: `${quote} closes a string and joins the rest`, at };
  }
  const seen = walk(tokens, 0, true, 'quoted');
  if (!seen || isShown(subject, at, tokens)) return undefined;
  // s = "<name>": a text of a program's begins here, and none ends.
  if (seen.why.startsWith('a comparison') && /[=(:,[] ?$/.test(before)) return undefined;
  return { ...seen, at, why: `${quote} closes a string, then ${seen.why}` };
}

const JOIN_LENGTH_MAX = 8;

/** `'-'`, `'*'`: nothing but an operator between what the application wrote, and so a zero. */
function isJoin(tokens: readonly SqlToken[]): boolean {
  const [operator, open, more] = tokens;
  return (
    more === undefined &&
    operator?.type === 'operator' &&
    open?.type === 'open' &&
    open.end - open.at === 1
  );
}

/**
 * Whether a person quotes SQL from `at` on. What is quoted stands apart from the word before it, and
 * the sentence goes on; what is injected closes the word before it and keeps to the grammar until
 * the value ends, or it would do nothing.
 */
function isShown(subject: Subject, at: number, tokens: readonly SqlToken[]): boolean {
  if (subject.quotesText(at)) return true;
  if (!subject.prose) return false;
  if (subject.quotesCode(at) || !keepsToGrammar(tokens)) return true;
  if (at === 0 || subject.text.charCodeAt(at - 1) > 32) return false;
  const last = tokens.at(-1)!;
  const goesOn = (last.type === 'comment' || last.type === 'open') && subject.proseAfter(last.at);
  return subject.proseBefore(at) || (goesOn && subject.wordsBefore(at));
}

/** Whether operands stand side by side once at most, as an alias does: in sentences they always do. */
function keepsToGrammar(tokens: readonly SqlToken[], pairsMax = 1): boolean {
  let pairs = 0;
  for (let at = 1; at < tokens.length; at++) {
    const left = tokens[at - 1]!.type;
    const right = tokens[at]!.type;
    if (left === ';') break; // what a second statement begins with has been looked at
    const operand = left === 'name' || left === 'number' || left === 'string' || left === 'null';
    if (operand && STRANGERS.has(right) && right !== 'open' && ++pairs > pairsMax) return false;
  }
  return true;
}

/** A password: nobody's comment ends there, for it is hashed before it meets a database. */
function isSecret(subject: Subject): boolean {
  return subject.trusting && /(?:^|[_-])(?:pass(?:word|wd|phrase)?|pwd)$/i.test(subject.name);
}

/** An identifier, an address or nothing: what a login form's field holds before the attack. */
function isBareword(text: string): boolean {
  if (text.length > 64) return false;
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at);
    const plain = isWordStart(code) || (code >= 48 && code <= 57);
    if (!plain && !'.@-+%)\\'.includes(text[at]!)) return false;
  }
  return true;
}

/** What gives itself away wherever it stands, blanks and comments folded to one space. */
const MARKERS: readonly string[] = [
  'into outfile ',
  'into dumpfile ',
  'waitfor delay ',
  'procedure analyse(',
  'information_schema.',
  'from sqlite_master',
  'from mysql.',
  'from pg_catalog',
  'from pg_shadow',
  'from sysobjects',
  'from sys.',
  'from all_tables',
  'from user_tables',
  'from dual',
  'xp_cmdshell',
  'pg_sleep(',
  'benchmark(',
  'extractvalue(',
  'updatexml(',
  'load_file(',
  'dbms_pipe.receive_message',
  'dbms_lock.sleep',
  'utl_http.request',
  'utl_inaddr.get',
  'randomblob(',
];

function anywhere(subject: Subject, text: string): Evidence | undefined {
  if ((subject.words & WORD_SQL) === 0 && !text.includes('/*')) return undefined;
  if (subject.prose) return undefined;
  const folded = foldBlanks(text.toLowerCase());
  let at = folded.indexOf('union');
  for (let tried = 0; at >= 0 && tried < UNIONS_MAX; tried++) {
    const tokens = sqlTokens(folded, at, 24);
    if (tokens[0]?.type === 'union' && unionList(tokens, 0) === 2) {
      return { signal: 'sql-union', why: 'a UNION with a SELECT list', at: 0 };
    }
    at = folded.indexOf('union', at + 5);
  }
  if (subject.document || !injects(folded)) return undefined;
  // A statement wherever it stands, a quote having ended what came before.
  for (const mark of ["';", '";', "');", "'));"]) {
    const end = folded.indexOf(mark);
    if (end < 0 || (subject.trusting && isString(folded, end, mark[0]!))) continue;
    if (isStatement(sqlTokens(folded, end + mark.length, 24), 0)) {
      return { signal: 'sql-stacked', why: 'a quote, a semicolon and a statement', at: 0 };
    }
  }
  for (const marker of MARKERS) {
    const at = folded.indexOf(marker);
    if (at < 0 || !isWhole(folded, at, at + marker.length)) continue;
    if (folded.length === text.length && subject.quotesText(at)) continue;
    return { signal: 'sql-marker', why: `names ${marker.trim()}`, at: 0 };
  }
  return undefined;
}

/** Whether a string that began in the value itself ends at `end`: `x = 'a'; use b` closes nothing. */
function isString(folded: string, end: number, quote: string): boolean {
  return folded.slice(0, end).split(quote).length % 2 === 0;
}

/** Whether no letter goes on where a name begins or ends. */
function isWhole(lower: string, start: number, end: number): boolean {
  return (
    !isLetter(lower.charCodeAt(start - 1)) &&
    !(isLetter(lower.charCodeAt(end - 1)) && isLetter(lower.charCodeAt(end)))
  );
}

function isLetter(lower: number): boolean {
  return lower >= 97 && lower <= 122;
}

/** A whole statement has its own use (a console, a lesson); a piece of one has not. */
function injects(folded: string): boolean {
  const start = folded.trimStart();
  return !/^(?:select|create|with|insert|update|delete) /.test(start);
}

const VERBS = new Set([
  'select',
  'insert',
  'update',
  'delete',
  'drop',
  'alter',
  'create',
  'truncate',
  'exec',
  'declare',
  'shutdown',
  'waitfor',
  'grant',
]);

/** A statement from the value's first word on: an attack when it is ended and commented. */
function wholeStatement(text: string): Evidence | undefined {
  const start = text.length - text.trimStart().length;
  let end = start;
  while (end < start + 10 && isWordStart(text.charCodeAt(end))) end++;
  if (!VERBS.has(text.slice(start, end).toLowerCase())) return undefined;
  const tokens = sqlTokens(text, start, TOKENS_MAX);
  if (!isStatement(tokens, 0)) return undefined;
  // SELECT-1FROM`t`, SELECT@a: whoever writes for a reader puts a blank after the verb.
  const glued = tokens[1] && tokens[1].at === tokens[0]!.end && tokens[1].type !== 'comment';
  if (glued && tokens[0]!.type === 'select' && !'*('.includes(tokens[1]!.text)) {
    return { signal: 'sql-subquery', why: 'a SELECT without a blank', at: start };
  }
  const last = tokens.at(-1)!;
  if (last.type === 'comment' && tokens.some((it) => it.type === ';')) {
    return { signal: 'sql-stacked', why: 'a statement that comments out what follows', at: start };
  }
  return { signal: 'sql-statement', why: `a whole ${tokens[0]!.text} statement`, at: start };
}

function foldBlanks(text: string): string {
  let out = '';
  let from = 0;
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at);
    let end = at;
    if (code <= 32 || code === 0xa0) {
      while (end < text.length && (text.charCodeAt(end) <= 32 || text.charCodeAt(end) === 0xa0))
        end++;
      if (end === at + 1 && code === 32) continue;
    } else if (code === 47 && text.charCodeAt(at + 1) === 42 && text.charCodeAt(at + 2) !== 33) {
      const close = text.indexOf('*/', at + 2);
      if (close < 0) break;
      end = close + 2;
    } else continue;
    out += `${text.slice(from, at)} `;
    from = end;
    at = end - 1;
  }
  return from === 0 ? text : out + text.slice(from);
}

function withoutComments(text: string): string {
  let out = '';
  let from = 0;
  let at = text.indexOf('/*');
  while (at >= 0) {
    const close = text.indexOf('*/', at + 2);
    if (close < 0) break;
    out += text.slice(from, at);
    from = close + 2;
    at = text.indexOf('/*', from);
  }
  return from === 0 ? text : out + text.slice(from);
}
