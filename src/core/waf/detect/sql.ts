/**
 * SQL injection, told by grammar. A value ends up in a statement in one of three ways: bare, inside
 * single quotes, inside double quotes. In each it is read on from where the application's own text
 * stops, as operands and operators in turn. Prose breaks that grammar at its second word; an
 * injection keeps to it, and on the way shows a condition, a union, a second statement, a call.
 */

import { WORD_SQL } from '../features.ts';
import type { Findings } from '../findings.ts';
import type { Subject } from '../subject.ts';
import { isWordStart, type SqlToken, type SqlType, sqlTokens } from './sql-tokens.ts';

const TOKENS_MAX = 400;
/** Unions looked at in one value, wherever they stand. */
const UNIONS_MAX = 8;

/** How the statement stands where the value begins. */
type Before = 'quoted' | 'number' | 'name' | 'nothing';

interface Evidence {
  readonly signal: string;
  readonly why: string;
  readonly at: number;
}

export function detectSql(subject: Subject, findings: Findings): void {
  const { text } = subject;
  judge(subject, findings, text);
  if ((subject.words & WORD_SQL) !== 0 && text.includes('+')) {
    judge(subject, findings, text.replaceAll('+', ' ')); // a form's blank, encoded twice
  }
  if (text.includes('/*')) {
    // Some filters delete comments, and so put together the words that they parted.
    const joined = withoutComments(text);
    if (joined !== text) judge(subject, findings, joined);
  }
}

function judge(subject: Subject, findings: Findings, text: string): void {
  const seen =
    inBare(text) ??
    inQuotes(subject, text, "'") ??
    inQuotes(subject, text, '"') ??
    anywhere(subject, text);
  if (seen) findings.signal(seen.signal, subject, seen.at, text.length, seen.why);
  const statement = wholeStatement(text);
  if (statement)
    findings.signal(statement.signal, subject, statement.at, text.length, statement.why);
}

function inBare(text: string): Evidence | undefined {
  const [first, second, third] = sqlTokens(text, 0, 3);
  if (!first || !second) return undefined;
  const operand = first.type === 'name' || first.type === 'string' || first.type === 'number';
  if (operand && STRANGERS.has(second.type)) return undefined;
  // A word that no operator follows: prose, a path, a name.
  if (operand && second.type === ',' && third?.type !== '(') {
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
  if (kind === 'name' && tokens[at + 1]?.type !== '(') {
    return walk(tokens, at + 1, true, 'name');
  }
  return walk(tokens, 0, true, 'nothing') ?? walk(tokens, 0, false, 'nothing');
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
  const [first, second] = sqlTokens(text, at + 1, 2);
  if (!first || STRANGERS.has(first.type)) return undefined;
  const before = text.slice(0, at);
  if (first.type === 'comment') {
    // admin'-- : the quote is closed and the application's own rest commented out.
    const tail = text.slice(first.at, first.end);
    const marked = tail.startsWith('--') || tail.startsWith('/*') || tail.length <= 2;
    if (isBareword(before) && marked && tail.length <= 12) {
      return { signal: 'sql-comment', why: `${quote} closes a string, then a comment`, at };
    }
    return undefined;
  }
  if (first.type === ';' && (!second || second.type === 'comment') && isBareword(before)) {
    if (!second && before === '') return undefined;
    return { signal: 'sql-comment', why: `${quote} closes a string and ends the statement`, at };
  }
  const seen = walk(sqlTokens(text, at + 1, TOKENS_MAX), 0, true, 'quoted');
  if (seen && subject.prose && subject.proseBefore(at)) return undefined;
  if (
    seen?.signal === 'sql-condition' &&
    subject.prose &&
    !seen.why.includes('=') &&
    !endsInComment(text)
  ) {
    return undefined;
  }
  return seen && { ...seen, why: `${quote} closes a string, then ${seen.why}` };
}

function endsInComment(text: string): boolean {
  return /(?:--[\s+-]{0,4}|#|\/\*)$/.test(text.slice(-8));
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

/**
 * Reads tokens as an expression goes on, and returns the first thing that only an injection shows.
 * Stops at the first token that the grammar has no place for.
 */
function walk(
  tokens: readonly SqlToken[],
  start: number,
  operatorFirst: boolean,
  before: Before,
): Evidence | undefined {
  const quoted = before === 'quoted';
  const sure = quoted || before === 'number';
  let wantsOperator = operatorFirst;
  let logic = false; // a logical operator has been read
  let logicJust = false; // and it was the last operator
  let compare = ''; // the comparison whose right side is awaited
  let direct = false; // that comparison is the first thing after the value's prefix
  let leftLiteral = before === 'number' || quoted;
  let mathematical = false; // `3 < 4 and 5 > 2`: nothing the value could be added to
  let inSelect = 0;
  let depth = 0;
  let opened = start; // tokens read so far that only close parentheses
  const found = (signal: string, why: string, token: SqlToken): Evidence => ({
    signal,
    why,
    at: token.at,
  });

  for (let at = start; at < tokens.length; at++) {
    const token = tokens[at]!;
    const next = tokens[at + 1];
    if (wantsOperator) {
      switch (token.type) {
        case ')':
          depth--;
          if (at === opened) opened++;
          break;
        case 'logic':
          // || joins strings as well; either way what follows is part of the statement.
          logic = true;
          logicJust = true;
          leftLiteral = false;
          compare = '';
          wantsOperator = false;
          break;
        case 'compare':
          direct = at === opened;
          if (direct && !quoted) mathematical = true;
          compare = token.text;
          logicJust = false;
          wantsOperator = false;
          if (token.text === 'notnull' || token.text === 'isnull') wantsOperator = true;
          break;
        case 'operator':
          wantsOperator = false;
          break;
        case ',':
          if (depth <= 0 && inSelect === 0 && !quoted && !opensSelect(tokens, at + 1))
            return undefined;
          compare = '';
          leftLiteral = false;
          wantsOperator = false;
          break;
        case 'union': {
          const list = unionList(tokens, at);
          if (list >= (sure || before === 'name' || before === 'nothing' ? 1 : 2)) {
            return found('sql-union', 'a UNION with a SELECT list', token);
          }
          return undefined;
        }
        case ';':
          if (next && isStatement(tokens, at + 1)) {
            return found('sql-stacked', `a second statement: ${next.text}`, token);
          }
          return undefined;
        case 'comment':
          if (logic && (quoted || before === 'number' || compare !== '')) {
            return found('sql-condition', 'a condition and a comment', token);
          }
          if (quoted && at > opened)
            return found('sql-comment', 'an expression and a comment', token);
          if (quoted && opened > start) return found('sql-comment', ') and a comment', token);
          return undefined;
        case 'clause': {
          const clause = clauseAt(tokens, at, quoted, before === 'number');
          if (clause) return found('sql-clause', clause, token);
          if (token.text === 'where' || token.text === 'having') {
            logic = true;
            wantsOperator = false;
            break;
          }
          if (inSelect > 0 || (logic && token.text === 'limit')) {
            wantsOperator = false;
            if (next?.text === 'by' || next?.text === 'join') at++;
            break;
          }
          return undefined;
        }
        case 'then':
          wantsOperator = token.text === 'end';
          break;
        case 'prefix':
          // `not like`, `not in`: the operator follows; CASE ... WHEN: an operand does.
          if (token.text !== 'not') wantsOperator = false;
          break;
        case 'name':
          // An alias inside a SELECT; anywhere else two operands in a row are no SQL.
          if (inSelect > 0) break;
          return undefined;
        default:
          return undefined;
      }
      continue;
    }

    switch (token.type) {
      case '(':
        depth++;
        break;
      case ')':
        depth--;
        wantsOperator = true;
        break;
      case 'operator':
        if (token.text === '*') wantsOperator = true;
        break;
      case 'prefix':
        if (token.text === 'if' && next?.type === '(' && sure) {
          return found('sql-call', 'a call of if()', token);
        }
        if (token.text === 'case' && next?.text === 'when' && (sure || hasThen(tokens, at))) {
          return found('sql-call', 'CASE WHEN', token);
        }
        break;
      case 'then':
      case 'compare':
        break;
      case 'select': {
        const list = selectList(tokens, at);
        const nested = tokens[at - 1]?.type === '(';
        if (nested && list >= (sure ? 1 : 2))
          return found('sql-subquery', 'a SELECT inside', token);
        if (!nested && !quoted) return undefined;
        inSelect++;
        break;
      }
      case 'logic':
        if (token.text !== '&&' && token.text !== '||') return undefined;
        break;
      case 'statement':
      case 'clause':
      case 'name':
        if (next?.type === '(') {
          const kind = callKind(token.text);
          if (kind === 'strong' && callIsPlain(tokens, at, before)) {
            return found('sql-call', `a call of ${token.text}()`, token);
          }
          if (kind === 'known' && (quoted || (sure && (logic || at > start)))) {
            return found('sql-call', `a call of ${token.text}()`, token);
          }
          if (kind === 'none' && !sure && !logic) return undefined;
          depth++;
          at++;
          leftLiteral = false;
          break;
        }
        if (token.type !== 'name') {
          if (inSelect === 0) return undefined;
          break;
        }
        if (compare !== '' && logic && quoted && comparisonEnds(tokens, at)) {
          return found('sql-condition', `a condition: ${compare}`, token);
        }
        leftLiteral = false;
        compare = '';
        logicJust = false;
        wantsOperator = true;
        break;
      case 'number':
      case 'string':
      case 'open':
      case 'variable':
      case 'null': {
        const open = token.type === 'open';
        if (compare !== '') {
          if (logic && (leftLiteral || quoted) && !mathematical) {
            return found('sql-condition', `a condition: ... ${compare} ${token.text}`, token);
          }
          if (quoted && direct && open) {
            return found('sql-condition', `a comparison: = ${compare} with the rest`, token);
          }
          const last = !next || next.type === 'comment';
          if (logic && before === 'number' && last && !mathematical) {
            return found('sql-condition', `a condition: ... ${compare} ${token.text}`, token);
          }
        } else if (
          logicJust &&
          before === 'number' &&
          !next &&
          token.text === tokens[start - 1]?.text
        ) {
          return found('sql-condition', `a condition: = ${token.text}`, token);
        } else if (logicJust && quoted && open && token.end - token.at > 1) {
          return found('sql-condition', 'a logical operator and an open string', token);
        } else if (logicJust && quoted && !next && token.type === 'null') {
          return found('sql-condition', `a condition: = ${token.text}`, token);
        }
        if (open && quoted && at > opened && tokens[at - 1]!.type === 'operator') {
          if (opensJoin(tokens, at)) return found('sql-condition', 'strings joined: =', token);
        }
        leftLiteral = true;
        compare = '';
        logicJust = false;
        wantsOperator = true;
        break;
      }
      default:
        return undefined;
    }
  }
  return undefined;
}

/** `order=id,(select ...)`: a list that goes on with a SELECT of its own. */
function opensSelect(tokens: readonly SqlToken[], at: number): boolean {
  return tokens[at]?.type === '(' && tokens[at + 1]?.type === 'select';
}

/** CASE WHEN ... THEN: without its THEN it is a title. */
function hasThen(tokens: readonly SqlToken[], at: number): boolean {
  return tokens.slice(at, at + 64).some((it) => it.text === 'then');
}

/** `' + (...) + '`: more than one operator around something between the two quotes. */
function opensJoin(tokens: readonly SqlToken[], at: number): boolean {
  const kind = tokens[at - 2]?.type;
  return kind === 'number' || kind === ')' || kind === 'variable';
}

/** A comparison whose right side is a column: the value ends there, or a comment does it. */
function comparisonEnds(tokens: readonly SqlToken[], at: number): boolean {
  const next = tokens[at + 1];
  return !next || next.type === 'comment' || next.type === 'open' || next.type === ')';
}

/** 2: can only be a SELECT list, 1: could be one, 0: is none. */
function selectList(tokens: readonly SqlToken[], select: number): 0 | 1 | 2 {
  let at = select + 1;
  while (tokens[at]?.type === 'prefix' && tokens[at]!.text !== 'case') {
    if (tokens[at]!.text === 'top') at++;
    at++;
  }
  if (tokens[at]?.text === 'all') at++;
  while (tokens[at]?.type === 'operator' && tokens[at]!.text !== '*') at++;
  const token = tokens[at];
  const next = tokens[at + 1];
  if (!token) return 0;
  switch (token.type) {
    case 'operator':
      return !next || next.text === 'from' || next.type === ')' || next.type === ',' ? 2 : 0;
    case 'number':
    case 'null':
    case 'variable':
    case 'string':
    case 'open':
      return !next || (next.type !== 'name' && next.type !== 'number' && next.type !== 'other')
        ? 2
        : 0;
    case 'prefix':
      return next?.text === 'when' || next?.type === '(' ? 2 : 0;
    case '(':
      return 2;
    case 'clause':
    case 'statement':
    case 'name': {
      if (next?.type === '(') return callKind(token.text) === 'none' ? 1 : 2;
      if (token.type !== 'name') return 0;
      return namesFrom(tokens, at);
    }
    default:
      return 0;
  }
}

/** name [, name ...] FROM name */
function namesFrom(tokens: readonly SqlToken[], at: number): 0 | 1 | 2 {
  let names = 1;
  at++;
  while (tokens[at]?.type === ',' || tokens[at]?.type === 'logic') {
    if (tokens[at]!.type === 'logic' && tokens[at]!.text !== '||') return 0;
    const item = tokens[at + 1]?.type;
    if (item === 'number' || item === 'null' || item === 'string' || item === 'variable') return 2;
    if (item !== 'name') return 0;
    if (tokens[at + 2]?.type === '(') return 2;
    names++;
    at += 2;
  }
  if (tokens[at]?.text !== 'from' || tokens[at + 1]?.type !== 'name') return 0;
  const after = tokens[at + 2];
  if (names > 1) return 2;
  if (after?.type === ')' || after?.type === 'comment') return 2;
  if (after?.text === 'where' || after?.text === 'limit') return 2;
  return 1;
}

/** Strength of the SELECT list after a UNION, or of VALUES. */
function unionList(tokens: readonly SqlToken[], union: number): 0 | 1 | 2 {
  let at = union + 1;
  while (tokens[at]?.type === 'prefix' || tokens[at]?.type === '(') at++;
  if (tokens[at]?.type === 'select') return selectList(tokens, at);
  return tokens[at]?.text === 'values' && tokens[at + 1]?.type === '(' ? 2 : 0;
}

const OBJECTS = new Set([
  'table',
  'database',
  'schema',
  'view',
  'user',
  'column',
  'index',
  'function',
  'procedure',
  'trigger',
  'role',
  'login',
  'extension',
  'event',
  'tablespace',
  'temporary',
  'temp',
  'or',
  'unique',
  'sequence',
  'type',
  'domain',
  'server',
  'proc',
  'alias',
  'if',
]);

/** Whether a statement of some dialect begins here: its verb and what the verb demands. */
function isStatement(tokens: readonly SqlToken[], at: number): boolean {
  while (tokens[at]?.type === ';' || tokens[at]?.type === '(') at++;
  const verb = tokens[at];
  const second = tokens[at + 1];
  const third = tokens[at + 2];
  if (!verb) return false;
  const ends = !second || second.type === 'comment' || second.type === ';';
  const names = second?.type === 'name';
  switch (verb.text) {
    case 'select':
      return selectList(tokens, at) > 0;
    case 'insert':
    case 'replace':
    case 'merge':
      return second?.text === 'into' && third?.type === 'name';
    case 'delete':
      return second?.text === 'from' && third?.type === 'name';
    case 'update':
      return names && third?.text === 'set';
    case 'drop':
    case 'alter':
    case 'create':
    case 'rename':
      return second !== undefined && OBJECTS.has(second.text) && third !== undefined;
    case 'truncate':
      return second?.text === 'table' || (names && third?.type !== 'name');
    case 'exec':
    case 'execute':
      return (
        second?.type === '(' ||
        second?.type === 'variable' ||
        second?.text === 'immediate' ||
        (names && (second.text.includes('_') || second.text.includes('.')))
      );
    case 'declare':
      return second?.type === 'variable';
    case 'set':
      return second?.type === 'variable' || (names && third?.text === '=');
    case 'waitfor':
      return second?.text === 'delay' || second?.text === 'time';
    case 'shutdown':
      return ends || second?.text === 'with';
    case 'grant':
    case 'revoke':
      return (
        second !== undefined &&
        tokens.slice(at, at + 8).some((it) => it.text === 'on' || it.text === 'to')
      );
    case 'copy':
      return (
        (names || second?.type === '(') &&
        tokens.slice(at, at + 12).some((it) => it.text === 'from' || it.text === 'program')
      );
    case 'load':
      return second?.text === 'data' || second?.text === 'extension';
    case 'call':
    case 'do':
      return (names && third?.type === '(') || second?.type === 'other';
    case 'backup':
    case 'attach':
    case 'use':
    case 'restore':
      return second?.text === 'database' || (verb.text === 'use' && names && !third);
    case 'handler':
    case 'prepare':
      return names && third !== undefined && (third.text === 'from' || third.text === 'open');
    case 'begin':
      return second !== undefined && isStatement(tokens, at + 1);
    case 'if':
      return second?.type === '(' || third?.type === 'compare';
    default:
      return second?.type === '(' && callKind(verb.text) === 'strong';
  }
}

/** ORDER BY n, HAVING, INTO OUTFILE and the like after a value. */
function clauseAt(
  tokens: readonly SqlToken[],
  at: number,
  quoted: boolean,
  number: boolean,
): string | undefined {
  const token = tokens[at]!;
  const second = tokens[at + 1];
  const third = tokens[at + 2];
  switch (token.text) {
    case 'order':
    case 'group': {
      if (second?.text !== 'by' || !third || !(quoted || number)) return undefined;
      const after = tokens[at + 3];
      const closes = !after || after.type === 'comment' || after.type === ',' || after.type === ';';
      const lone = third.type === 'number' || third.type === '(';
      if ((lone && closes) || (quoted && after?.type === 'comment') || after?.text === 'having') {
        return `${token.text} by ${third.text}`;
      }
      if (third.type === 'name' && after?.type === '(' && callKind(third.text) !== 'none') {
        return `${token.text} by a call`;
      }
      return third.type === '(' && after?.type === 'select'
        ? `${token.text} by a SELECT`
        : undefined;
    }
    case 'having':
      return (quoted || number) && third?.type === 'compare' ? 'having a condition' : undefined;
    case 'procedure':
      return second?.text === 'analyse' ? 'procedure analyse' : undefined;
    case 'into':
      return second?.text === 'outfile' ||
        second?.text === 'dumpfile' ||
        second?.type === 'variable'
        ? `into ${second.text}`
        : undefined;
    case 'limit':
      return quoted && second?.type === 'number' && (!third || third.type === 'comment')
        ? 'limit and the end'
        : undefined;
    default:
      return undefined;
  }
}

/** Calls that wait, read files, run programs or put data into an error: no prose holds them. */
const STRONG_CALLS = new Set(
  (
    'sleep pg_sleep benchmark extractvalue updatexml load_file randomblob xp_cmdshell xp_dirtree ' +
    'sp_executesql sys_eval sys_exec openrowset opendatasource xmltype query_to_xml pg_read_file ' +
    'pg_ls_dir lo_import lo_export dblink dblink_connect pg_sleep_for generate_series load_extension ' +
    'name_const gtid_subset ctxsys.drithsx.sn sqlite_version json_arrayagg httpuritype ' +
    'st_latfromgeohash st_longfromgeohash st_pointfromgeohash linestring multipoint'
  ).split(' '),
);
const STRONG_PACKAGES = ['dbms_', 'utl_', 'xp_', 'sys.dbms_', 'sys.utl_', 'master..xp_', 'sys.xp_'];

const KNOWN_CALLS = new Set(
  (
    'ascii ord char chr nchar hex unhex bin oct concat concat_ws group_concat string_agg listagg ' +
    'substr substring mid left right length char_length len lower upper lcase ucase trim ltrim rtrim ' +
    'reverse replace insert instr locate position strpos charindex patindex if ifnull nullif isnull ' +
    'coalesce nvl decode iif elt field make_set exp floor ceil rand random round pow power sqrt abs ' +
    'sign mod conv cast convert to_char to_number to_date now sysdate curdate getdate date_sub count ' +
    'sum avg min max version user current_user session_user system_user database schema db_name ' +
    'user_name suser_name host_name object_id object_name col_name is_srvrolemember current_database ' +
    'current_setting current_schema md5 sha1 sha2 password encode compress json_extract json_keys ' +
    'json_value json_length json_depth json_quote row_number row exists greatest least quote quote_literal ' +
    'table_name getutcdate sqlite_compileoption_used typeof unicode zeroblob printf repeat space ' +
    'replicate lpad rpad regexp_substr regexp_like bit_count crc32 inet_aton polygon point ' +
    'geometrycollection multilinestring multipolygon last_insert_id connection_id aes_decrypt strcmp ' +
    'nullif format soundex difference'
  ).split(' '),
);

function callKind(name: string): 'strong' | 'known' | 'none' {
  if (STRONG_CALLS.has(name)) return 'strong';
  for (const start of STRONG_PACKAGES) if (name.startsWith(start)) return 'strong';
  return KNOWN_CALLS.has(name) ? 'known' : 'none';
}

/** sleep(5) alone is an attack; sleep(5) with a program around it is that program's. */
function callIsPlain(tokens: readonly SqlToken[], at: number, before: Before): boolean {
  if (before !== 'nothing' || at > 0) return true;
  if (tokens[at + 1]!.at !== tokens[at]!.end) return false; // `sleep (deeply)`
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
  // A statement wherever it stands, a quote having ended what came before.
  for (const mark of ["';", '";', "');", "'));"]) {
    const end = folded.indexOf(mark);
    if (end >= 0 && isStatement(sqlTokens(folded, end + mark.length, 24), 0)) {
      return { signal: 'sql-stacked', why: 'a quote, a semicolon and a statement', at: 0 };
    }
  }
  if (!injects(folded)) return undefined;
  for (const marker of MARKERS) {
    if (folded.includes(marker))
      return { signal: 'sql-marker', why: `names ${marker.trim()}`, at: 0 };
  }
  return undefined;
}

/** A whole statement has its own use (a console, a lesson); a piece of one has not. */
function injects(folded: string): boolean {
  const start = folded.trimStart();
  return !(start.startsWith('select ') || start.startsWith('create ') || start.startsWith('with '));
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
