/** Pieces of SQL's grammar, asked of tokens: SELECT lists, clauses, calls. */
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
  if (after?.text === 'limit' || after?.text === 'order') return 2;
  return !after || after.type === 'comment' || after.type === ')' || after.type === ';' ? 2 : 0;
}

/** ROW(1, 2), as MySQL writes a row of VALUES */
export function opensRow(tokens: readonly SqlToken[], at: number): boolean {
  return tokens[at]?.text === 'row' && tokens[at + 1]?.type === '(';
}

/** WITH [RECURSIVE] name [(...)] AS ( */
export function isWith(tokens: readonly SqlToken[], start: number): boolean {
  let at = start + 1;
  if (tokens[at]?.text === 'recursive') at++;
  if (tokens[at]?.type !== 'name') return false;
  at++;
  if (tokens[at]?.type === '(') {
    const close = tokens.slice(at, at + 20).findIndex((it) => it.type === ')');
    if (close < 0) return false;
    at += close + 1;
  }
  const next = tokens[at + 1];
  return (
    tokens[at]?.text === 'as' &&
    (next?.type === '(' || /^(?:not|materialized)$/.test(next?.text ?? ''))
  );
}

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
    'sign mod conv pi uuid connection_id found_rows row_count cast convert to_char to_number to_date now sysdate curdate getdate date_sub count ' +
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
