/**
 * Template and expression injection, and program code in a value. Templates that only name a value
 * ({{ user.name }}, ${id}) are everyday text; what marks an attack is an expression that computes
 * with literals, reaches for a language's inside, or calls what runs programs.
 */
import * as f from '../features.ts';
import type { Findings } from '../findings.ts';
import type { Subject } from '../subject.ts';
import { judgeCode } from './code.ts';
import { judgeLookups } from './lookup.ts';

/** Expressions looked at in one value, and characters of each. */
const EXPRESSIONS_MAX = 64;

const EXPRESSIONS_IN_DOCUMENT_MAX = 16;
const EXPRESSION_LENGTH_MAX = 512;

export function detectTemplate(subject: Subject, findings: Findings): void {
  const { characters: c, words } = subject;
  const has = (all: number): boolean => (c & all) === all;
  if (has(f.DOLLAR | f.BRACE)) judgeLookups(subject, findings);
  const tags = has(f.LESS | f.PERCENT) || has(f.LESS | f.HASH);
  if ((c & f.BRACE) !== 0 || tags || has(f.AT | f.PAREN) || has(f.HASH | f.PAREN)) {
    expressions(subject, findings);
  }
  if ((words & f.WORD_CODE) !== 0 || has(f.LESS | f.OTHER) || has(f.DOLLAR | f.BRACKET)) {
    judgeCode(subject, findings);
  }
}

const OPENERS: readonly (readonly [string, string])[] = [
  ['{{', '}}'],
  ['{%', '%}'],
  ['<%', '%>'],
  ['${', '}'],
  ['#{', '}'],
  ['*{', '}'],
  ['@{', '}'],
  ['~{', '}'],
  ['%{', '}'],
  ['@(', ')'],
  ['{#', '}'],
  ['[[', ']]'],
  ['<#', '>'],
  ['[#', ']'],
  ['{=', '}'],
  ['{', '}'],
];

/** Openers that are everyday characters, and open nothing where nothing closes them. */
const ENDED = new Set(['{', '@(', '[[', '<#', '[#']);

/** The openers of two characters but those that begin with a brace, as `first * 128 + second`. */
const OPENS = new Uint8Array(128 * 128);

for (const [open] of OPENERS) {
  if (open.length > 1) OPENS[open.charCodeAt(0) * 128 + open.charCodeAt(1)] = 1;
}

/** `${{<%[%'"}}%\.`: a short text that tries one engine after the other. */
const PROBE_LENGTH_MAX = 80;

const PROBE_OPENERS = ['${', '{{', '<%', '#{', '*{', '{%', '@(', '~{'];

function expressions(subject: Subject, findings: Findings): void {
  const { text } = subject;
  let seen = 0;
  if (
    (subject.characters & f.LESS) !== 0 &&
    text.length <= PROBE_LENGTH_MAX &&
    PROBE_OPENERS.filter((it) => text.includes(it)).length >= 3
  ) {
    findings.signal(
      'template-expression',
      subject,
      0,
      text.length,
      'the openers of several engines',
    );
    return;
  }
  const most = subject.document ? EXPRESSIONS_IN_DOCUMENT_MAX : EXPRESSIONS_MAX;
  for (let at = 0; at < text.length && seen < most; at++) {
    const code = text.charCodeAt(at);
    if (code > 126) continue;
    const next = text.charCodeAt(at + 1);
    if (code === 123 ? !opensTemplate(next) : !(next < 128) || OPENS[code * 128 + next] === 0)
      continue;
    const opener = OPENERS.find(([open]) => text.startsWith(open, at));
    if (!opener) continue;
    // A program of many lines is full of braces; its templates end where they begin.
    if (subject.document && opener[0] !== '{{' && opener[0] !== '${') continue;
    const [open, close] = opener;
    const start = at + open.length;
    // ${name} takes no more than a value.
    if (open === '${' && isName(text, start)) continue;
    seen++;
    const piece = text.slice(start, start + EXPRESSION_LENGTH_MAX);
    const end = closing(piece, close);
    if (end < 0 && (subject.document || ENDED.has(open))) continue;
    const inner = end < 0 ? piece : piece.slice(0, end);
    if (subject.document && (inner.includes('\n') || /\bprocess\.env\b/.test(inner))) continue;
    const why = open === '{' ? smartyReason(inner) : expressionReason(inner, open, subject.prose);
    const searched = why === ARITHMETIC && at === 0 && subject.readsOn(text);
    if (why !== '' && !searched && !(subject.prose && subject.quotesCode(at))) {
      findings.signal(
        'template-expression',
        subject,
        at,
        start + inner.length + close.length,
        `${open} ${close} with ${why}`,
      );
      return;
    }
    at = start - 1;
  }
  if (
    /#set\s{0,4}\(\s{0,4}\$|\$class\.(?:inspect|forName)|#evaluate\s{0,4}\(/i.test(text) &&
    /#set|\$class|forname|getruntime/i.test(text) &&
    !subject.prose &&
    /["']|\.|=/.test(text)
  ) {
    findings.signal(
      'template-expression',
      subject,
      text.indexOf('#'),
      text.length,
      'a directive of Velocity',
    );
  }
}

/** What follows a brace that some engine reads: {{ {% {# {= and Smarty's {$ {php} {system( {if. */
function opensTemplate(next: number): boolean {
  const lower = next | 0x20;
  return (
    next === 123 ||
    next === 37 ||
    next === 35 ||
    next === 61 ||
    next === 36 ||
    lower === 112 ||
    lower === 115 ||
    lower === 101 ||
    lower === 105
  );
}

/** Whether nothing but a name stands between here and the closing brace. */
function isName(text: string, start: number): boolean {
  let at = start;
  while (at < text.length && at - start < 64 && isWordPart(text.charCodeAt(at))) at++;
  if (at === start || text.charCodeAt(at) !== 125) return false;
  return !/(?:Scope|Context|initParam)$/.test(text.slice(start, at));
}

function isWordPart(code: number): boolean {
  const lower = code | 0x20;
  return (lower >= 97 && lower <= 122) || (code >= 48 && code <= 57) || code === 95;
}

/** Index of the closer, inner braces and quotes respected for one-brace forms. */
function closing(piece: string, close: string): number {
  if (close !== '}') return piece.indexOf(close);
  let depth = 0;
  for (let at = 0; at < piece.length; at++) {
    const code = piece.charCodeAt(at);
    if (code === 123) depth++;
    else if (code === 125) {
      if (depth === 0) return at;
      depth--;
    }
  }
  return piece.indexOf('}');
}

/** {system('id')}, {php}, {$smarty...}: single braces count only for Smarty's own. */
function smartyReason(inner: string): string {
  if (
    /^\$smarty\.|^php\}?$|^php\s|^(?:system|exec|passthru|shell_exec|eval|phpinfo)\s{0,4}\(/i.test(
      inner,
    )
  )
    return 'a call of Smarty';
  if (/^(?:Smarty_Internal|self::|if\s{1,4}(?:phpinfo|system|exec|readfile)\s{0,4}\()/i.test(inner))
    return 'a call of Smarty';
  return '';
}

/** Names that no template needs and every exploit does. */
const INSIDES =
  /__\w{2,24}__|\bconstructor\b|\bget(?:Class|Resource|ProtectionDomain)\b|\bclass\.get|\.class\b\.?(?:forName|module|getName|protectionDomain|classLoader)?|\bforName\b|getRuntime|\bRuntime\b|ProcessBuilder|ScriptEngine|\bT\s{0,4}\(\s{0,4}[\w.]|@[\w.]{3,80}@|#_?(?:memberAccess|context)\b|#_?(?:request|parameters|application|session|attr|cmd|rt|dm|ognlUtil|container|a|p|s|f|out|iswin|process|ros)\b\s{0,2}[=.[]|\bnew\s{1,4}(?:java|javax|freemarker|ProcessBuilder|File|com\.|org\.)|\?new\(|\?api|freemarker\.|springframework|\bjava\.(?:lang|io|util|net)|\bjavax\.|child_process|process\.(?:mainModule|env|binding)|mainModule|\bglobal\.process|\brequire\s{0,4}\(|\b(?:os|subprocess|sys)\.(?:system|popen|environ|listdir|Popen|check_output|modules)|\bpopen\b|\b(?:system|exec|eval|shell_exec|passthru|phpinfo|assert|execfile|open|include|file_get_contents|readfile|spawn|execSync|spawnSync)\s{0,4}\(|\bsleep\s{0,4}\(\s{0,4}(?:\d|hexdec)|\bgetattr\s{0,2}\(|\|\s{0,2}attr\s{0,2}\(|\blipsum\b|\bcycler\b|\bjoiner\b|\bget_flashed_messages\b|\burl_for\s{0,2}\.|\b_self\b|_context\b|\brequest\.(?:application|args|environ|__|cookies\.|values)|\bconfig\.(?:items|iteritems|from|SECRET|__)|SECRET_KEY|\bself\.(?:_|env|template)|\bmap\s{0,2}\(\s{0,2}['"](?:system|exec|passthru)|\|\s{0,2}(?:filter|map|sort|reduce)\s{0,2}\(\s{0,2}['"]\w|IO\.popen|File\.(?:open|read|new)|Dir\.(?:entries|glob|pwd)|Kernel\.|%x[({[]|\bself\.class|\bapp\.request|registerUndefinedFilterCallback|\b(?:alert|confirm|prompt)\s{0,4}[(`]|\b(?:application|session|request|page)Scope\b|\bpageContext\b|\bfacesContext\b|\binitParam\b|\bsession\[|pickle\.loads|\bsubclasses\b|#exec\b|lookupMethod|\|\s{0,2}(?:system|exec|passthru|shell_exec)\b|\$_(?:GET|POST|REQUEST|COOKIE|SERVER)\b|phpversion\s{0,2}\(|print\s{0,2}\(\s{0,2}md5|md5\s{0,2}\(\s{0,2}\d/i;

function expressionReason(inner: string, open: string, prose: boolean): string {
  const body = inner
    .replace(/^[=\-#$*{%!:~([@\s]+/, '')
    .replace(/^(?:print|set\s{1,4}\w{1,20}\s{0,4}=)[\s(]{0,8}/, '')
    .replace(/[}\])%\s]+$/, (end) => end.replaceAll(/[}%]/g, ''))
    .trim();
  if (body === '') return '';
  if ((open === '<#' || open === '[#') && !/\bassign\b|\bnew\b|\?/.test(inner)) return '';
  if (open === '[[' && !/\$\{|#\{|\(\$/.test(inner)) return '';
  if (!prose && computesLiterals(body)) return ARITHMETIC;
  const named = INSIDES.exec(inner);
  if (named) return `${JSON.stringify(named[0].trim())}`;
  if (open === '{{') {
    if (body === 'php') return 'PHP';
    if (
      !prose &&
      /^(?:config|self|request|settings|dump\(.{0,40}\)|app|env|_self|this|\[\]|\(\)|''|""|debug|session|g)(?:\.items\(\))?$/.test(
        body,
      )
    )
      return `the object ${body}`;
    if (
      /^(?:settings\.|['"][^'"]{0,40}['"]\s{0,2}\.|\[\s{0,2}\]\s{0,2}[.|]|\(\s{0,2}\)\s{0,2}[.|]|['"]{2}\s{0,2}[.|])/.test(
        body,
      )
    )
      return 'a literal taken apart';
    if (/^#with\s[^|]{0,80}\bas\s{0,4}\|/.test(inner.trim())) return 'a walk to the constructor';
    if (/^range\.|^\$on\.|^\$eval|^toString\(|^'a'|^x\s=|\ba='constructor'/.test(body))
      return 'a walk to the constructor';
  }
  if (
    open === '{%' &&
    /^(?:debug|import\s{1,4}os|include\s{1,4}['"]\/|extends\s{1,4}['"]\/|load\s{1,4}log|python|do\s)/.test(
      body,
    )
  )
    return 'a statement of the engine';
  if (
    open === '<%' &&
    /`[^`]{1,200}`|\bRuntime\b|\bResponse\.Write|\bServer\.|eval\s{0,2}request|\bexecute\b/i.test(
      inner,
    )
  )
    return 'a program';
  if (open === '%{' && /\(#|#\w/.test(inner)) return 'OGNL';
  if (
    (open === '${' || open === '#{' || open === '%{') &&
    /^\(?#?\w{1,20}\s{0,2}=\s{0,2}[@#\w'"(]/.test(body) &&
    /@|#/.test(body)
  )
    return 'OGNL';
  if (open === '@(' && /System\.|@\{|Process/.test(body)) return 'Razor';
  return '';
}

const ARITHMETIC = 'arithmetic on literals';

/** 7*7, 7*'7', (3+4), '7'+7, 1337*1337: numbers and operators, and nothing named. */
function computesLiterals(body: string): boolean {
  return /^[\s("']{0,6}\d{1,12}['"\s)]{0,4}(?:[*+/^%~]|-|\*\*|<|>)\s{0,4}[("']{0,4}\d{1,12}[\s)"'.\w+*/()-]{0,24}$/.test(
    body,
  );
}
