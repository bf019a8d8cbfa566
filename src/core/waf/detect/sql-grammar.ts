/** Pieces of SQL's grammar, asked of tokens: SELECT lists, statements, clauses, calls. */
import type { SqlToken } from './sql-tokens.ts';

/** 2: can only be a SELECT list, 1: could be one, 0: is none. */
export function selectList(tokens: readonly SqlToken[], select: number): 0 | 1 | 2 {
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
  // "union select" tutorial: a phrase ends there, and no string begins.
  if (token.type === 'open' && /^['"]\s/.test(token.text)) return 0;
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
      if (token.text === 'case' && tokens[at + 2]?.text === 'when') return 2;
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

/** Strength of what a UNION joins: a SELECT list, VALUES, a TABLE, a WITH. */
export function unionList(tokens: readonly SqlToken[], union: number, sure = false): 0 | 1 | 2 {
  let at = union + 1;
  while (tokens[at]?.type === 'prefix' || tokens[at]?.type === '(') at++;
  const token = tokens[at];
  const next = tokens[at + 1];
  if (token?.type === 'select') return selectList(tokens, at);
  if (token?.text === 'values') return next?.type === '(' || opensRow(tokens, at + 1) ? 2 : 0;
  if (token?.text === 'with') return isWith(tokens, at) ? 2 : 0;
  // MySQL's TABLE name is SELECT * FROM name.
  if (!sure || token?.text !== 'table' || next?.type !== 'name') return 0;
  const after = tokens[at + 2];
  return !after || after.type === 'comment' || after.type === ')' || after.type === ';' ? 2 : 0;
}

/** ROW(1, 2), as MySQL writes a row of VALUES */
function opensRow(tokens: readonly SqlToken[], at: number): boolean {
  return tokens[at]?.text === 'row' && tokens[at + 1]?.type === '(';
}

/** WITH [RECURSIVE] name [(...)] AS ( */
function isWith(tokens: readonly SqlToken[], at: number): boolean {
  return tokens.slice(at + 2, at + 12).some((it, index, all) => {
    const next = all[index + 1];
    return (
      it.text === 'as' && (next?.type === '(' || /^(?:not|materialized)$/.test(next?.text ?? ''))
    );
  });
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
export function isStatement(tokens: readonly SqlToken[], at: number): boolean {
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
    case 'upsert':
    case 'merge':
    case 'delete':
    case 'update':
      return isWrite(tokens, at);
    case 'with':
      return isWith(tokens, at);
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
        tokens.slice(at, at + 12).some((it, index, all) => {
          const next = all[index + 1];
          return (
            it.text === 'program' ||
            (it.text === 'from' && next) ||
            (it.text === 'to' && next?.type === 'string')
          );
        })
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

const MODIFIERS = new Set(
  'low_priority delayed high_priority quick ignore only overwrite or rollback abort fail replace table top'.split(
    ' ',
  ),
);

/** INSERT, REPLACE, MERGE, DELETE and UPDATE, with the words that dialects allow between. */
function isWrite(tokens: readonly SqlToken[], start: number): boolean {
  const verb = tokens[start]!.text;
  let at = start + 1;
  while (at < start + 5 && MODIFIERS.has(tokens[at]?.text ?? '')) at++;
  const lead = tokens[at]?.text;
  if (lead === 'into' || lead === 'from') {
    if (lead === 'from' && verb !== 'delete') return false;
    return tokens[at + 1]?.type === 'name' || tokens[at + 1]?.type === 'variable';
  }
  if (tokens[at]?.type !== 'name') return false;
  const after = tokens[at + 1];
  switch (verb) {
    case 'update':
      // update users u set, update users as u set
      return [after, tokens[at + 2], tokens[at + 3]].some((it) => it?.text === 'set');
    case 'insert':
    case 'replace':
      return (
        /^(?:values|value|select|default)$/.test(after?.text ?? '') ||
        (after?.type === '(' && at > start + 1) ||
        (after?.type === '(' && tokens.slice(at, at + 40).some((it) => it.text === 'values')) ||
        (after?.text === 'set' && tokens[at + 3]?.text === '=')
      );
    case 'merge':
      return [after, tokens[at + 2], tokens[at + 3]].some((it) => it?.text === 'using');
    default: // delete users where, of SQL Server
      return after?.text === 'where' && tokens[at + 2] !== undefined;
  }
}

/**
 * Statements whose words are English too: told only where a number or a closed string stands before
 * the semicolon.
 */
export function isLooseStatement(tokens: readonly SqlToken[], at: number): boolean {
  while (tokens[at]?.type === ';' || tokens[at]?.type === '(') at++;
  const verb = tokens[at];
  const second = tokens[at + 1];
  const third = tokens[at + 2];
  if (!verb) return false;
  const ends = (token: SqlToken | undefined): boolean =>
    !token || token.type === 'comment' || token.type === ';';
  const closed = (token: SqlToken | undefined): boolean =>
    token?.type === 'comment' || token?.type === ';';
  const next = second?.text ?? '';
  switch (verb.text) {
    case 'show':
      return (
        SHOWN.has(next) &&
        (ends(third) || /^(?:from|like|where|for|status|index)$/.test(third!.text))
      );
    case 'flush':
      return /^(?:privileges|tables?|logs|hosts|status|binary|error|slow|general)$/.test(next);
    case 'lock':
      return (
        /^tables?$/.test(next) &&
        tokens.slice(at, at + 8).some((it) => /^(?:read|write|mode)$/.test(it.text))
      );
    case 'optimize':
    case 'analyze':
    case 'checksum':
      return next === 'table' && third?.type === 'name' && ends(tokens[at + 3]);
    case 'explain':
      return second !== undefined && isStatement(tokens, at + 1);
    case 'describe':
    case 'desc':
      return second?.type === 'name' && closed(third);
    case 'table':
      return (
        second?.type === 'name' &&
        (closed(third) || /^(?:limit|order|into)$/.test(third?.text ?? ''))
      );
    case 'values':
      return (
        opensRow(tokens, at + 1) ||
        (second?.type === '(' &&
          /^(?:number|string|null|open|variable|select)$/.test(third?.type ?? ''))
      );
    case 'delete':
      return second?.type === 'name' && ends(third);
    case 'commit':
    case 'rollback':
    case 'checkpoint':
      return closed(second);
    case 'reconfigure':
      return ends(second) || next === 'with';
    case 'pragma':
      return second?.type === 'name' && (ends(third) || third?.type === '(' || third?.text === '=');
    case 'detach':
    case 'attach':
      return (
        (next === 'database' && third !== undefined) ||
        (second?.type === 'string' && third?.text === 'as')
      );
    case 'vacuum':
      return ends(second) || /^(?:into|full|analyze)$/.test(next);
    case 'install':
    case 'uninstall':
      return /^(?:plugin|component|soname)$/.test(next);
    case 'comment':
      return next === 'on' && tokens.slice(at + 2, at + 8).some((it) => it.text === 'is');
    case 'import':
      return next === 'foreign' && third?.text === 'schema';
    case 'deallocate':
      return (
        (next === 'prepare' || next === 'all') &&
        (next === 'all' ? ends(third) : third?.type === 'name')
      );
    case 'bulk':
      return next === 'insert' && third?.type === 'name';
    case 'dbcc':
      return second?.type === 'name' && (ends(third) || third?.type === '(');
    case 'declare':
      return second?.type === 'name' && TYPES.has(third?.text ?? '');
    case 'begin':
      return second !== undefined && isLooseStatement(tokens, at + 1);
    case 'set':
      return (
        (/^(?:global|session|local|persist)$/.test(next) && third?.type === 'name') ||
        (/^(?:password|names)$/.test(next) && /^[='"]|^for$/.test(third?.text ?? ''))
      );
    case 'discard':
    case 'reset':
      return /^(?:all|plans|temp|sequences|master|slave|query)$/.test(next) && closed(third);
    case 'openquery':
    case 'raiserror':
      return second?.type === '(';
    case 'print':
      return second?.type === 'string' && closed(third);
    default:
      return (
        /^(?:sp|xp)_[a-z]/.test(verb.text) &&
        (ends(second) || /^(?:string|open|number|variable)$/.test(second!.type))
      );
  }
}

const SHOWN = new Set(
  'tables databases schemas columns grants variables processlist status create index indexes full keys engines plugins global session triggers warnings errors'.split(
    ' ',
  ),
);

const TYPES = new Set(
  'int integer bigint smallint varchar varchar2 char nvarchar text datetime date number numeric float table sysname record boolean bool cursor refcursor raw clob continue exit'.split(
    ' ',
  ),
);

/** ORDER BY n, HAVING, INTO OUTFILE and the like after a value. */
export function clauseAt(
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
      if (second?.text !== 'by' || !third) return undefined;
      const after = tokens[at + 3];
      const closes = !after || after.type === 'comment' || after.type === ',' || after.type === ';';
      const lone = third.type === 'number' || third.type === '(';
      if (third.type === 'number' && after?.type === 'comment')
        return `${token.text} by ${third.text}`;
      if (!quoted && !number) return undefined;
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
    case 'limit': {
      if (!quoted || second?.type !== 'number') return undefined;
      const pair = third?.text === 'offset' || third?.type === ',';
      const last = pair ? tokens[at + 4] : third;
      return !last || last.type === 'comment' ? 'limit and the end' : undefined;
    }
    default:
      return undefined;
  }
}

/** Calls that wait, read files, run programs or put data into an error: no prose holds them. */
const STRONG_CALLS = new Set(
  (
    'sleep pg_sleep benchmark extractvalue updatexml load_file randomblob xp_cmdshell xp_dirtree ' +
    'sp_executesql sys_eval sys_exec openrowset opendatasource xmltype query_to_xml pg_read_file ' +
    'pg_ls_dir pg_read_binary_file pg_stat_file database_to_xml openquery lo_import lo_export dblink dblink_connect pg_sleep_for generate_series load_extension ' +
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
    'nullif format soundex difference raise_error code'
  ).split(' '),
);

export function callKind(name: string): 'strong' | 'known' | 'none' {
  if (STRONG_CALLS.has(name)) return 'strong';
  for (const start of STRONG_PACKAGES) if (name.startsWith(start)) return 'strong';
  return KNOWN_CALLS.has(name) || /^(?:jsonb?_[a-z]|(?:isjson|to_jsonb?|row_to_json)$)/.test(name)
    ? 'known'
    : 'none';
}
