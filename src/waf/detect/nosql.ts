/** Operators of document databases where a value was expected, and expressions for their engines. */
import * as f from '../features.ts';
import type { Findings } from '../findings.ts';
import type { Subject } from '../subject.ts';

const OPERATORS = new Set(
  (
    '$ne $eq $gt $gte $lt $lte $in $nin $regex $exists $where $or $and $nor $not $expr $function ' +
    '$elemMatch $mod $all $size $type $options $accumulator $jsonSchema $text $search $lookup $out $merge $natural $comment $slice $rename ' +
    '$unionWith $func $near $geoWithin $max $min $inc $group $match'
  )
    .toLowerCase()
    .split(' '),
);
/** Operators that applications expose by themselves in a JSON document seldom, an attacker often. */
const WEAK = new Set([
  '$type',
  '$size',
  '$comment',
  '$search',
  '$text',
  '$options',
  '$slice',
  '$max',
  '$min',
  '$group',
  '$match',
  '$merge',
  '$out',
  '$all',
  '$rename',
  '$inc',
  '$eq',
]);

export function isOperator(name: string): boolean {
  return name.charCodeAt(0) === 36 && OPERATORS.has(name.toLowerCase());
}

/** A JSON key or a parameter's name. */
export function detectNoSqlName(subject: Subject, findings: Findings): void {
  const { text } = subject;
  if (isOperator(text)) {
    findings.signal(
      WEAK.has(text.toLowerCase()) ? 'nosql-operator-weak' : 'nosql-operator',
      subject,
      0,
      text.length,
      `the operator ${text} for a key`,
    );
    return;
  }
  // user[$ne]=x, user.$ne=x
  const found = /(?:\[|\.|^)["']?(\$[a-z]{2,14})["']?(?:\]|$|\[|\.)/i.exec(text.slice(0, 256));
  if (found && OPERATORS.has(found[1]!.toLowerCase())) {
    findings.signal(
      'nosql-operator',
      subject,
      0,
      text.length,
      `the operator ${found[1]} in a name`,
    );
  }
}

/** A filter from its first parenthesis to its last, as settings of a directory hold it. */
function isWholeFilter(text: string, isField = false): boolean {
  if (!text.startsWith('(') || !text.endsWith(')')) return false;
  if ((!isField && text.includes('*)(')) || text.includes('=0')) return false;
  let depth = 0;
  for (let at = 0; at < text.length; at++) {
    if (text[at] === '(') depth++;
    else if (text[at] === ')' && --depth === 0 && at + 1 < text.length) return false;
  }
  return depth === 0;
}

/** A closed string goes on with an operator of JavaScript. */
const QUOTED = /['"]\s{0,8}[;)}\]]{0,3}\s{0,4}[|&;]/;

/** Whether a text of these features can hold what `detectNoSql` looks for. */
export function mayHoldNoSql(c: number, words: number, { text }: Subject): boolean {
  return (
    (c & f.DOLLAR) !== 0 ||
    (words & f.WORD_WHERE) !== 0 ||
    mayCloseBlock(c, words) ||
    mayGoOn(c) ||
    mayBeFilter(c, text)
  );
}

export function detectNoSql(subject: Subject, findings: Findings): void {
  if (subject.prose) return;
  const { text, characters: c, words } = subject;
  if ((c & f.DOLLAR) !== 0) operators(subject, findings);
  const script = (words & f.WORD_WHERE) !== 0 && whereExpression(subject, findings);
  if (mayCloseBlock(c, words)) closedBlock(subject, findings);
  if (mayGoOn(c)) {
    if ((c & f.SLASH) !== 0) secondPath(subject, findings);
    if (!script) closedString(subject, findings);
  }
  if (mayBeFilter(c, text)) ldapFilter(subject, findings);
}

function mayCloseBlock(c: number, words: number): boolean {
  return (c & f.SEMICOLON) !== 0 && ((c & f.EQUALS) !== 0 || (words & f.WORD_WHERE) !== 0);
}

/** A closed string of JavaScript's or XPath's, and what goes on behind it. */
function mayGoOn(c: number): boolean {
  return (c & (f.SQUOTE | f.DQUOTE)) !== 0 && (c & (f.PIPE | f.AMPERSAND | f.SEMICOLON)) !== 0;
}

/** `*)`, `)(`, `(|`, `(!`, or a rule of matching, 1.2.840:= */
function mayBeFilter(c: number, text: string): boolean {
  if ((c & f.STAR) !== 0 || (c & MATCHING_RULE) === MATCHING_RULE) return true;
  if ((c & f.PAREN) === 0) return false;
  return (c & (f.PIPE | f.AMPERSAND)) !== 0 || text.charCodeAt(0) === 41 || text.includes('!');
}

const MATCHING_RULE = f.COLON | f.EQUALS | f.DOT;

/** {"$ne": 1}, {$gt: ''} */
function operators(subject: Subject, findings: Findings): void {
  const { text } = subject;
  // A document begins as one; within a longer text the same is a program that someone shows.
  const document =
    /^[\s]{0,8}[{["',$]|^[^\n]{0,40},\s{0,4}\$where\s{0,4}:/.test(text) ||
    (subject.place !== 'json' && subject.place !== 'form');
  const named = subject.trusting && /^(?:[\p{L}\d-]{2,30}\s{1,4}){1,8}\{\s{0,4}\$/u.test(text);
  let at = document && !named ? text.indexOf('$') : -1;
  for (let seen = 0; at >= 0 && seen < 64; seen++) {
    let end = at + 1;
    while (
      end < text.length &&
      end - at < 16 &&
      (text.charCodeAt(end) | 0x20) >= 97 &&
      (text.charCodeAt(end) | 0x20) <= 122
    )
      end++;
    if (OPERATORS.has(text.slice(at, end).toLowerCase())) {
      const before = text
        .slice(Math.max(0, at - 4), at)
        .trimEnd()
        .replace(/["'\\]+$/, '')
        .trimEnd();
      const after = text
        .slice(end, end + 4)
        .replace(/^["'\\]+/, '')
        .trimStart();
      const key = (before.endsWith('{') || before.endsWith(',')) && after.startsWith(':');
      const name = before.endsWith('[') && after.startsWith(']') && subject.place !== 'path';
      const open = /^(?:[\s\S]{0,40},)?\s{0,4}$/.test(text.slice(0, at)) && after.startsWith(':');
      if (key || name || (open && /^\$(?:where|or|expr|function)$/i.test(text.slice(at, end)))) {
        findings.signal(
          'nosql-operator',
          subject,
          at - 2,
          at + 60,
          `the operator ${text.slice(at, end)} in a document`,
        );
        break;
      }
    }
    at = text.indexOf('$', end);
  }
}

/** An expression that a $where would take from its first word on; whether there is one. */
function whereExpression(subject: Subject, findings: Findings): boolean {
  const { text, lower } = subject;
  const script =
    /^['"]?\s{0,8}[;)}\]]{0,3}\s{0,4}(?:(?:\|\||&&)\s{0,4})?(?:this\.\w{1,40}\s{0,4}(?:==|!=|\.match|\.length|\[|\.test|<|>)|return\s{0,4}(?:\s(?:true|1|!0|this|\/|['"]|db\.)|\()|while\s{0,4}\(|(?:sleep|db\.\w{1,40}\.(?:drop|find|insert|remove|update|count)|db\.(?:dropDatabase|getCollectionNames|version|getName))\s{0,4}\(|function\s{0,4}\(\)\s{0,4}\{|(?:var|let)\s{1,4}\w{1,20}\s{0,4}=\s{0,4}new\s{1,4}Date)/i.exec(
      text,
    );
  if (script) {
    const open = /^['"]/.test(text);
    const whole =
      /function\s{0,4}\(\)\s{0,4}\{\s{0,8}(?:return|while|sleep|var|this|if|do)\b/i.test(text) ||
      /^\W{0,8}(?:this\.\w{1,40}|db\.|;\s{0,4}while|sleep\(\d{1,9}\)\s{0,4}(?:[^\w\s]|$))/i.test(
        text,
      );
    const shown = subject.trusting && subject.place === 'json' && /^\s{0,8}db\./.test(text);
    if (open || (whole && !shown && !/\bconsole\b|\bdocument\b/.test(lower))) {
      findings.signal('nosql-script', subject, 0, 80, 'an expression for a $where');
    }
  }
  return script !== null;
}

function closedBlock(subject: Subject, findings: Findings): void {
  const { text } = subject;
  const bare = /^\w{0,20}\s{0,4}[)\]}]{1,3}\s{0,4};\s{0,4}return\s{1,4}(?:true|1|!0)\b/i.exec(text);
  if (bare) {
    findings.signal('nosql-script', subject, 0, 80, 'a closed block, then an expression');
  }
  if (
    /^\w{0,20}['"]?\s{0,4};\s{0,4}(?:(?:var|let)\s{1,4})?\w{1,20}\s{0,4}=[^=]/.test(text) &&
    /[;{]\s{0,4}(?:do\s{0,4}\{|(?:while|for)\s{0,4}\()/.test(text)
  ) {
    findings.signal('nosql-script', subject, 0, 80, 'a closed expression, then a loop');
  }
}

function secondPath(subject: Subject, findings: Findings): void {
  const { text } = subject;
  const xpath = /['"]\s{0,4}\)?\]\s{0,4}\|\s{0,4}\/{1,2}[\w*]/.exec(text);
  if (xpath) {
    findings.signal(
      'nosql-xpath',
      subject,
      xpath.index,
      xpath.index + 60,
      'a second path of XPath',
    );
  }
}

function closedString(subject: Subject, findings: Findings): void {
  const { text } = subject;
  const later =
    QUOTED.test(text) &&
    /['"]\s{0,8}[;)}\]]{0,3}\s{0,4}(?:\|\||&&|;)\s{0,4}(?:this\.\w|return\s{1,4}(?:true|1|!0|this|\/|['"]|db\.)|while\s{0,2}\(|sleep\s{0,2}\(|db\.\w|\(?function|\d\s{0,2}[=!]=\s{0,2}\d|['"]?[\w]{0,10}['"]?\s{0,2}={2,3}\s{0,2}['"]?\w{0,10}|true\b|1\b)/i.exec(
      text.slice(0, 4096),
    );
  if (
    later &&
    text.indexOf(later[0][0]!) === later.index &&
    /(?:\/\/|['"]|<!--|%00|\0|\}|;)[^'"]{0,12}$|[=!]=/.test(text.slice(later.index + 1))
  ) {
    findings.signal(
      'nosql-script',
      subject,
      later.index,
      later.index + 80,
      'a closed string, then an expression of JavaScript',
    );
  }
}

function ldapFilter(subject: Subject, findings: Findings): void {
  const { text } = subject;
  const ldap =
    /(?:(?:\*|\w|^)\)|^[\w*]{0,32}\*)\s{0,4}\(\s{0,2}\(?(?:[|&!]\s{0,2}(?:[()]|\w)|[\w.;-]{1,40}\s{0,2}(?:=|>=|<=|~=))/.exec(
      text,
    );
  // A search of a directory by its own name; an injection has something to close first.
  const isField =
    subject.place === 'json' || subject.place === 'form' || subject.place === 'multipart';
  const asked = isField || /filter|ldap|search|query/i.test(subject.name);
  if (asked && subject.trusting && isWholeFilter(text, isField)) return;
  const words = subject.trusting && /^(?:[\p{L}\d-]{2,30}\s{1,4}){1,8}(?=\()/u.exec(text);
  if (words && isWholeFilter(text.slice(words[0].length))) return; // a search about filters
  if (ldap && /\*|\(\s{0,2}[|&!]/.test(text) && subject.place !== 'path') {
    findings.signal(
      'nosql-ldap',
      subject,
      ldap.index,
      ldap.index + 60,
      'a filter of LDAP closed and begun anew',
    );
  } else if (
    !(subject.place === 'json' && subject.trusting && /^\w{0,32}\*\)$/.test(text)) && // case *)
    /^\*\(\)\||^\)\s{0,2}\([\w;.-]{1,40}=|^\*\){1,3}(?:%00|\0|\(|$)|^\w{0,32}\*\){1,3}(?:%00|\0|\(|$)|^\(\s{0,2}[|&!]\s{0,2}\([\w.-]{1,40}=|^[\w;-]{1,40}:\d(?:\.\d{1,9}){3,12}:=/.test(
      text,
    )
  ) {
    findings.signal('nosql-ldap', subject, 0, 60, 'a filter of LDAP');
  }
}
