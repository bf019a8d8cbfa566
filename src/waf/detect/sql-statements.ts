/** Statements of SQL, each by its verb and what the verb demands. */
import { callKind, isWith, opensRow, selectList } from './sql-grammar.ts';
import type { SqlToken } from './sql-tokens.ts';

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
  'materialized',
  'system',
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
    case 'revoke': {
      const rest = tokens.slice(at + 2, at + 10);
      const to = rest.some(
        (it) => it.text === 'to' || (it.text === 'from' && verb.text === 'revoke'),
      );
      const known = PRIVILEGES.has(second?.text ?? '') || (names && second.text.includes('_'));
      return to && (known || rest.some((it) => it.text === 'on'));
    }
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
      if (second?.text === 'extension') return third !== undefined;
      return (
        /^(?:data|xml)$/.test(second?.text ?? '') &&
        /^(?:infile|local|low_priority|concurrent)$/.test(third?.text ?? '')
      );
    case 'call':
    case 'do':
      return (names && third?.type === '(') || second?.type === 'other';
    case 'backup':
    case 'attach':
    case 'restore':
      return second?.text === 'database' && third !== undefined;
    case 'use':
      return (
        /^(?:master|mysql|tempdb|msdb|information_schema)$/.test(second?.text ?? '') ||
        (names && (third?.type === ';' || third?.type === 'comment'))
      );
    case 'handler':
    case 'prepare':
      return names && third !== undefined && /^(?:from|open|read)$/.test(third.text);
    case 'begin':
      return second !== undefined && isStatement(tokens, at + 1);
    case 'if':
      return second?.type === '(' || third?.type === 'compare';
    default:
      return second?.type === '(' && callKind(verb.text) === 'strong';
  }
}

const PRIVILEGES = new Set(
  'all select insert update delete execute usage create drop alter dba connect resource super file process references trigger control'.split(
    ' ',
  ),
);

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
  const into = lead === 'into';
  if (into || (lead === 'from' && verb === 'delete')) at++;
  const table = tokens[at]?.type ?? '';
  if (!/^(?:name|variable|string)$/.test(table)) return false;
  if (lead === 'from') return true;
  while (at < start + 9 && tokens[at + 1]?.text === '.') at += 2; // `a`.`b`
  const after = tokens[at + 1];
  const text = after?.text ?? '';
  switch (verb) {
    case 'update':
      return table === 'name' && assigns(tokens, at + 1);
    case 'merge':
      return tokens.slice(at + 1, at + 5).some((it) => it.text === 'using');
    case 'delete': // delete users where, of SQL Server
      return text === 'where' && tokens[at + 2] !== undefined;
    default:
      if (/^(?:values?|row)$/.test(text))
        return tokens[at + 2]?.type === '(' || opensRow(tokens, at + 2);
      if (text === 'set') return /^:?=$/.test(tokens[at + 3]?.text ?? '');
      if (after?.type === '(')
        return (
          into || at > start + 1 || tokens.slice(at, at + 40).some((it) => it.text === 'values')
        );
      return /^(?:select|default|table|with|exec|execute|overriding|partition)$/.test(text);
  }
}

/** SET name =, behind what stands between it and the table: an alias, a join */
function assigns(tokens: readonly SqlToken[], start: number): boolean {
  for (let at = start; at < start + 12 && tokens[at] && tokens[at]!.type !== ';'; at++) {
    if (tokens[at]!.text !== 'set') continue;
    return tokens[at + 1]?.type === '(' || /^[:+-]?=$/.test(tokens[at + 2]?.text ?? '');
  }
  return false;
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
      if (next === 'create' || next === 'full') {
        return tokens[at + 3] !== undefined || SHOWN.has(third?.text ?? '');
      }
      if (/^(?:from|like|where|for)$/.test(third?.text ?? '')) return SHOWN.has(next);
      return SHOWN_WHOLE.has(next) && ends(third);
    case 'flush':
      return (
        /^(?:privileges|tables?|logs|hosts|status|binary|error|slow|general)$/.test(next) &&
        (ends(third) || third!.text === 'with' || third!.text === 'logs')
      );
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
      return tokens.slice(at + 1, at + 8).some((it) => it.type === 'select');
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
      return (second?.type === 'name' && ends(third)) || (next === 'top' && third?.type === '(');
    case 'exec':
    case 'execute':
      return second?.type === 'name' && (closed(third) || third?.text === 'using');
    case 'start':
      return next === 'transaction' && ends(third);
    case 'unlock':
      return /^tables?$/.test(next) && ends(third);
    case 'kill':
      return /^(?:query|connection)$/.test(next) && third?.type === 'number';
    case 'purge':
      return /^(?:binary|master)$/.test(next) && third?.text === 'logs';
    case 'change':
      return /^(?:master|replication)$/.test(next) && /^(?:to|source)$/.test(third?.text ?? '');
    case 'refresh':
      return next === 'materialized';
    case 'reindex':
      return second !== undefined && OBJECTS.has(next) && third !== undefined;
    case 'security':
      return next === 'label' && third?.text === 'on';
    case 'fetch':
      return (
        /^(?:next|first|last|all|prior)$/.test(next) &&
        third?.text === 'from' &&
        ends(tokens[at + 4])
      );
    case 'restart':
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
      return closed(second) || /^(?:into|full|analyze)$/.test(next);
    case 'install':
      return (
        (next === 'plugin' && tokens[at + 3]?.text === 'soname') ||
        (next === 'component' && third?.type === 'string')
      );
    case 'uninstall':
      return /^(?:plugin|component)$/.test(next) && third !== undefined && ends(tokens[at + 3]);
    case 'comment':
      return (
        next === 'on' &&
        OBJECTS.has(third?.text ?? '') &&
        tokens
          .slice(at + 4, at + 8)
          .some(
            (it, index, all) =>
              it.text === 'is' && /^(?:string|open|null)$/.test(all[index + 1]?.type ?? ''),
          )
      );
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
      if (/^(?:transaction|tran)$/.test(next)) return true;
      return second !== undefined && isLooseStatement(tokens, at + 1);
    case 'set':
      return (
        (/^(?:global|session|local|persist)$/.test(next) &&
          (/^:?=$/.test(tokens[at + 3]?.text ?? '') || third?.text === 'authorization')) ||
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

const SHOWN_WHOLE = new Set(
  'tables databases schemas grants variables processlist engines plugins triggers'.split(' '),
);

const SHOWN = new Set([
  ...SHOWN_WHOLE,
  ...'columns fields status create index indexes keys full global session warnings errors'.split(
    ' ',
  ),
]);

const TYPES = new Set(
  'int integer bigint smallint varchar varchar2 char nvarchar text datetime date number numeric float table sysname record boolean bool cursor refcursor raw clob continue exit'.split(
    ' ',
  ),
);
