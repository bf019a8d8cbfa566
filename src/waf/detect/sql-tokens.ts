/**
 * SQL as databases read it, told apart into tokens: comments and white space gone, strings and
 * numbers folded to one token each, words sorted by what they may do in the grammar. No dialect is
 * assumed: what any of MySQL, PostgreSQL, SQL Server, Oracle or SQLite would read is read.
 */

export type SqlType =
  | 'number'
  | 'string'
  | 'open' // a string whose closing quote the application itself appends
  | 'name'
  | 'variable'
  | 'null' // null, true, false, default: a literal without quotes
  | 'logic' // and, or, xor, &&, ||
  | 'compare' // = <> < like in between rlike is
  | 'operator' // + - * / % ^ | & ~ ! div
  | 'prefix' // not, exists, binary, all, any, distinct, case, when
  | 'then' // then, else, end
  | 'union'
  | 'select'
  | 'statement' // insert, update, delete, drop, exec, ...
  | 'clause' // from, where, limit, into, order, group, having, procedure, ...
  | '('
  | ')'
  | ','
  | ';'
  | 'comment' // one that runs to the end of the text
  | 'other';

export interface SqlToken {
  readonly type: SqlType;
  /** In lower case. */
  readonly text: string;
  readonly at: number;
  readonly end: number;
}

const WORDS = new Map<string, SqlType>();
for (const [type, words] of [
  ['logic', 'and or xor'],
  [
    'compare',
    'like in is between rlike regexp ilike sounds glob match similar notnull isnull escape',
  ],
  ['operator', 'div mod collate'],
  ['prefix', 'not exists binary all any some distinct distinctrow case when if top interval'],
  ['then', 'then else end as'],
  ['union', 'union intersect except minus'],
  ['select', 'select'],
  [
    'statement',
    'insert update delete drop alter create truncate exec execute declare shutdown waitfor grant revoke merge replace call do load copy rename handler set backup restore kill begin commit rollback if while prepare dbcc use vacuum attach',
  ],
  [
    'clause',
    'from where limit into order group having procedure values offset join inner left outer on using returning for by fetch asc desc set outfile dumpfile',
  ],
  ['null', 'null true false'],
] as const) {
  for (const word of words.split(' ')) if (!WORDS.has(word)) WORDS.set(word, type);
}
WORDS.delete('if'); // a function in MySQL far more often than a statement

const STRING_PREFIXES = new Set(['n', 'x', 'b', 'e', 'u', 'r', '_utf8', '_latin1', '_binary', 'q']);

/**
 * @param from where to begin; @param tokensMax a bound on what one value may cost
 */
export function sqlTokens(text: string, from: number, tokensMax: number): SqlToken[] {
  const tokens: SqlToken[] = [];
  let at = from;
  const push = (type: SqlType, end: number, word?: string): void => {
    tokens.push({ type, text: word ?? text.slice(at, Math.min(end, at + 64)), at, end });
    at = end;
  };
  while (at < text.length && tokens.length < tokensMax) {
    const code = text.charCodeAt(at);
    if (code <= 32 || code === 0xa0) {
      at++;
    } else if (isWordStart(code)) {
      const end = wordEnd(text, at);
      const word = text.slice(at, Math.min(end, at + 64)).toLowerCase();
      const quote = text.charCodeAt(end);
      if ((quote === 39 || quote === 34) && STRING_PREFIXES.has(word)) {
        const close = stringEnd(text, end + 1, quote);
        push(close < 0 ? 'open' : 'string', close < 0 ? text.length : close);
      } else if (word === 'array' && text.charCodeAt(end) === 91) {
        const close = text.slice(end, end + ARRAY_LENGTH_MAX).indexOf(']');
        push(close < 0 ? 'name' : 'string', close < 0 ? end : end + close + 1);
      } else if (word === 'member' && MEMBER_OF.test(text.slice(end, end + 16))) {
        push('compare', text.indexOf('(', end)); // of MySQL: 1 member of ('[1]')
      } else push(WORDS.get(word) ?? 'name', end, word);
    } else if (isDigit(code) || (code === 46 && isDigit(text.charCodeAt(at + 1)))) {
      readNumber(text, at, push, (to) => {
        at = to;
      });
    } else if (code === 39 || code === 34) {
      const close = stringEnd(text, at + 1, code);
      push(close < 0 ? 'open' : 'string', close < 0 ? text.length : close);
    } else if (code === 96) {
      const close = text.indexOf('`', at + 1);
      push('name', close < 0 ? text.length : close + 1);
    } else if (code === 91 && isWordStart(text.charCodeAt(at + 1))) {
      // [name] of SQL Server; anything longer is not a name.
      const close = text.slice(at, at + 66).indexOf(']');
      push(close < 0 ? 'other' : 'name', close < 0 ? at + 1 : at + close + 1);
    } else if (code === 64) {
      let end = at + 1;
      if (text.charCodeAt(end) === 64) end++;
      const named = isWordStart(text.charCodeAt(end));
      // @> of PostgreSQL holds, @? and @@ ask a path
      const asks = !named && (end === at + 2 || /[>?]/.test(text[end] ?? ' '));
      if (asks) push('compare', Math.max(end, at + 2));
      else push(named ? 'variable' : 'operator', named ? wordEnd(text, end) : end);
    } else if (code === 47 && text.charCodeAt(at + 1) === 42) {
      if (text.charCodeAt(at + 2) === 33) {
        // MySQL runs what stands in /*! ... */; the version number is five or six digits.
        at += 3;
        while (isDigit(text.charCodeAt(at))) at++;
      } else {
        const close = text.indexOf('*/', at + 2);
        if (close < 0) push('comment', text.length);
        else at = close + 2;
      }
    } else if (code === 42 && text.charCodeAt(at + 1) === 47) {
      at += 2;
    } else if (code === 92 && text.charCodeAt(at + 1) === 78) {
      push('null', at + 2, 'null'); // \N of MySQL ends itself: \Nfrom is two words
    } else if (code === 35 || (code === 45 && text.charCodeAt(at + 1) === 45)) {
      const line = text.indexOf('\n', at);
      if (line < 0 || blankFrom(text, line)) push('comment', text.length);
      else at = line + 1;
    } else if (code === 63 && asksKey(text, at, tokens)) {
      push('compare', at + ('|&'.includes(text[at + 1] ?? ' ') ? 2 : 1));
    } else if (code === 38 && isArray(tokens.at(-1)) && text.charCodeAt(at + 1) === 38) {
      push('compare', at + 2); // array[1] && array[1]: they overlap
    } else readSymbol(text, at, push);
  }
  return tokens;
}

/** Characters of an ARRAY[...] that are read as one literal. */
const ARRAY_LENGTH_MAX = 256;

const MEMBER_OF = /^\s{1,4}of\s{0,4}\(/i;

/** `data ? 'x'` and the end of a condition, where a program's choice goes on with a colon. */
const COLUMN_KEY = /^\?\s{0,4}'[^']{0,64}(?:$|'\s{0,4}(?:--|#|\)|$|(?:and|or)\b))/i;

function isArray(token: SqlToken | undefined): boolean {
  return token?.type === 'string' && token.text.slice(0, 6).toLowerCase() === 'array[';
}

/** `'{"a":1}' ? 'a'`, `data ?| array['a']`: PostgreSQL asks a document for a key. */
function asksKey(text: string, at: number, tokens: readonly SqlToken[]): boolean {
  const before = tokens.at(-1);
  const cast = before?.type === 'name' && tokens.at(-2)?.text === '::';
  if (before?.type === 'name' && !cast) return COLUMN_KEY.test(text.slice(at, at + 96));
  // "yes" or "no"? 'maybe': what is asked is a document, or an array of them.
  if (before?.type !== 'string' ? !cast : !/[{[]/.test(before.text)) return false;
  return /^\?[|&]?\s{0,4}(?:'|array\[)/i.test(text.slice(at, at + 16));
}

type Push = (type: SqlType, end: number, word?: string) => void;

function readNumber(text: string, at: number, push: Push, skip: (to: number) => void): void {
  let end = at;
  const marker = text.charCodeAt(at + 1) | 0x20;
  if (text.charCodeAt(at) === 48 && (marker === 120 || marker === 98)) {
    end = at + 2;
    while (isHex(text.charCodeAt(end))) end++;
    push('number', end);
    return;
  }
  while (isDigit(text.charCodeAt(end))) end++;
  if (text.charCodeAt(end) === 46) {
    end++;
    while (isDigit(text.charCodeAt(end))) end++;
  }
  if ((text.charCodeAt(end) | 0x20) === 101) {
    if (isDigit(text.charCodeAt(end + 1))) {
      end++;
      while (isDigit(text.charCodeAt(end))) end++;
      // 1e1FROM: a number of this form ends itself.
      push('number', end);
      return;
    }
    // MySQL skips `1.e` before a name's dot or a parenthesis.
    if (text.charCodeAt(end - 1) === 46 && !isWordStart(text.charCodeAt(end + 1))) {
      skip(end + 1);
      return;
    }
  }
  // `1or` and `1.0union` are a number and a keyword to a database; `10am` and `3d` are words.
  if (isWordStart(text.charCodeAt(end))) {
    const tail = wordEnd(text, end);
    const type = WORDS.get(text.slice(end, Math.min(tail, end + 32)).toLowerCase());
    if (type === undefined || type === 'prefix' || type === 'statement') {
      push('name', tail);
      return;
    }
  }
  push('number', end);
}

function readSymbol(text: string, at: number, push: Push): void {
  const one = text[at]!;
  const two = text.slice(at, at + 2);
  switch (one) {
    case '(':
    case ')':
    case ',':
    case ';':
      push(one, at + 1);
      return;
    case '|':
    case '&':
      if (two === '||' || two === '&&') push('logic', at + 2);
      else push('operator', at + 1);
      return;
    case '=':
    case '<':
    case '>':
    case '!': {
      let end = at + 1;
      while (end < at + 3 && '=<>'.includes(text[end] ?? ' ')) end++;
      if (two === '<@') end = at + 2; // held by, of PostgreSQL
      push(one === '!' && end === at + 1 ? 'operator' : 'compare', end);
      return;
    }
    case ':':
      if (two === '::' || two === ':=') push(two === '::' ? 'operator' : 'compare', at + 2);
      else push('other', at + 1);
      return;
    case '+':
    case '-':
    case '*':
    case '/':
    case '%':
    case '^':
    case '~':
      push('operator', at + 1);
      return;
    default:
      push('other', at + 1);
  }
}

/** Index after the closing quote, -1 when it is missing. A doubled or escaped quote stays inside. */
function stringEnd(text: string, from: number, quote: number): number {
  for (let at = from; at < text.length; at++) {
    const code = text.charCodeAt(at);
    if (code === 92) at++;
    else if (code === quote) {
      if (text.charCodeAt(at + 1) !== quote) return at + 1;
      at++;
    }
  }
  return -1;
}

function wordEnd(text: string, at: number): number {
  while (at < text.length) {
    const code = text.charCodeAt(at);
    if (!isWordStart(code) && !isDigit(code) && code !== 36) {
      // A dot joins schema.table, but ends a sentence.
      if (code !== 46 || !isWordStart(text.charCodeAt(at + 1))) break;
    }
    at++;
  }
  return at;
}

function blankFrom(text: string, at: number): boolean {
  while (at < text.length && text.charCodeAt(at) <= 32) at++;
  return at === text.length;
}

export function isWordStart(code: number): boolean {
  const lower = code | 0x20;
  return (lower >= 97 && lower <= 122) || code === 95 || code > 0xa0;
}

function isDigit(code: number): boolean {
  return code >= 48 && code <= 57;
}

function isHex(code: number): boolean {
  const lower = code | 0x20;
  return isDigit(code) || (lower >= 97 && lower <= 102);
}
