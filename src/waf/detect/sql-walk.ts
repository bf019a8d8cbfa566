/** SQL followed as an expression goes on, from where the application's own text stops. */

import { callKind, clauseAt, selectList, unionList } from './sql-grammar.ts';
import {
  type Before,
  callIsPlain,
  comparesLiterals,
  comparisonEnds,
  distinctFrom,
  endsAt,
  endsInValue,
  hasThen,
  IS_TRUTH,
  isConcat,
  isEmpty,
  isGlued,
  isHashWord,
  isLone,
  isNegated,
  isQuotedWord,
  isShortComment,
  isSymbol,
  isTruth,
  isTruthLiteral,
  opensCall,
  opensJoin,
} from './sql-shape.ts';
import { isLooseStatement, isStatement } from './sql-statements.ts';
import type { SqlToken } from './sql-tokens.ts';

export interface Evidence {
  readonly signal: string;
  readonly why: string;
  readonly at: number;
}

/**
 * Reads tokens as an expression goes on, and returns the first thing that only an injection shows.
 * Stops at the first token that the grammar has no place for.
 */
export function walk(
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
  let compared = false; // two values have been compared
  let stated = false; // a number has been for true or false
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
          if (token.text === 'similar' && next?.text === 'to') at++;
          if (token.text === 'is') at += distinctFrom(tokens, at + 1);
          if (token.text === 'notnull' || token.text === 'isnull') wantsOperator = true;
          break;
        case 'operator':
          // x::jsonb: what follows is a type, and the value stays one.
          if (token.text === '::' && next?.type === 'name') at++;
          else if (token.text === '~' || (token.text === '!' && next?.text === '~')) {
            compare = '~'; // matches, of PostgreSQL
            logicJust = false;
            wantsOperator = false;
          } else wantsOperator = false;
          break;
        case ',':
          if (depth <= 0 && inSelect === 0 && !quoted && !opensCall(tokens, at + 1))
            return undefined;
          compare = '';
          leftLiteral = false;
          wantsOperator = false;
          break;
        case 'union': {
          const list = unionList(tokens, at, sure);
          if (list >= (sure || before === 'name' || before === 'nothing' ? 1 : 2)) {
            return found('sql-union', 'a UNION with a SELECT list', token);
          }
          return undefined;
        }
        case ';':
          if (
            next &&
            (((sure || next.text !== 'if') && isStatement(tokens, at + 1)) ||
              (sure && isLooseStatement(tokens, at + 1)))
          ) {
            return found('sql-stacked', `a second statement: ${next.text}`, token);
          }
          return undefined;
        case 'comment':
          if (isHashWord(tokens[at - 1], token)) return undefined;
          if (logic && (quoted || before === 'number' || compare !== '')) {
            return found('sql-condition', 'a condition and a comment', token);
          }
          // or true-- : a condition from the value's first word to a comment that ends it
          if (
            before === 'nothing' &&
            tokens[start]?.type === 'logic' &&
            at === start + 2 &&
            tokens[at - 1]!.type !== 'name' &&
            isShortComment(token)
          )
            return found('sql-condition', 'a condition and a comment', token);
          // What is commented out is the application's own rest: an attacker adds a word at most.
          if (!isShortComment(token)) return undefined;
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
        case 'statement':
          // SQL Server takes the next statement without a semicolon.
          if (sure && token.text === 'waitfor' && isStatement(tokens, at)) {
            return found('sql-stacked', 'a second statement: waitfor', token);
          }
          if (inSelect > 0) break;
          return undefined;
        case 'prefix':
          // `not like`, `not in`: the operator follows; CASE ... WHEN: an operand does.
          if (token.text !== 'not') wantsOperator = false;
          break;
        case 'open':
          // `' or '' '`: strings side by side are one, and the last one the application closes.
          if (quoted && logic && isLone(token) && isEmpty(tokens[at - 1]))
            return found('sql-condition', 'a logical operator and an open string', token);
          return undefined;
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
        if (token.text === 'case' && tokens[at + 2]?.text === 'when' && hasThen(tokens, at)) {
          return found('sql-call', 'CASE ... WHEN', token);
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
        if (!nested && sure && logic && list === 2)
          return found('sql-subquery', 'a SELECT after a logical operator', token);
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
          if (comparesLiterals(tokens, at)) {
            return found('sql-call', `a choice between two values: ${token.text}()`, token);
          }
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
        if (token.type === 'string' && isGlued(token, next)) return undefined;
        if (isHashWord(token, next)) return undefined;
        if (compare !== '') {
          if (logic && (leftLiteral || quoted) && !mathematical) {
            return found('sql-condition', `a condition: ... ${compare} ${token.text}`, token);
          }
          if (
            quoted &&
            open &&
            (endsInValue(token, compare) ||
              (direct && !isSymbol(compare) && !isQuotedWord(tokens, at)))
          ) {
            return found('sql-condition', `a comparison: = ${compare} with the rest`, token);
          }
          const last = !next || next.type === 'comment';
          if (logic && before === 'number' && last && !mathematical) {
            return found('sql-condition', `a condition: ... ${compare} ${token.text}`, token);
          }
        } else if (
          logicJust &&
          before === 'number' &&
          endsAt(tokens, at + 1) &&
          (token.text === tokens[start - 1]?.text ||
            token.text.startsWith('@@') ||
            tokens[at - 1]?.text === 'xor' ||
            IS_TRUTH.test(token.text) ||
            (tokens[at + 1]?.text === '::' && /^bool/.test(tokens[at + 2]?.text ?? '')) ||
            (isNegated(tokens, at) && /^[01]$/.test(token.text)))
        ) {
          return found('sql-condition', `a condition: = ${token.text}`, token);
        } else if (
          logicJust &&
          quoted &&
          open &&
          (isTruth(token) || (isLone(token) && (compared || stated || isConcat(tokens, at))))
        ) {
          return found('sql-condition', 'a logical operator and an open string', token);
        } else if (
          logicJust &&
          before === 'number' &&
          isTruthLiteral(token) &&
          endsAt(tokens, at + 1)
        ) {
          return found('sql-condition', `a condition: ${token.text}`, token);
        } else if (
          logicJust &&
          before === 'name' &&
          next?.type === 'comment' &&
          isNegated(tokens, at)
        ) {
          return found('sql-condition', `a condition: not ${token.text}`, token);
        } else if (logicJust && quoted && open && isLone(token) && tokens[at - 1]!.text === 'not') {
          return found('sql-condition', 'NOT and an open string', token);
        } else if (logicJust && quoted && !next && token.type === 'null') {
          return found('sql-condition', `a condition: = ${token.text}`, token);
        }
        if (open && quoted && at > opened && tokens[at - 1]!.type === 'operator') {
          const joins =
            opensJoin(tokens, at) || (logic && isLone(token) && isEmpty(tokens[at - 2]));
          if (joins) return found('sql-condition', 'strings joined: =', token);
        }
        if (compare !== '') compared = true;
        else if (logicJust && token.type === 'number') stated = true;
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
