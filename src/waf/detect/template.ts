/**
 * Template and expression injection, and program code in a value. Templates that only name a value
 * ({{ user.name }}, ${id}) are everyday text; what marks an attack is an expression that computes
 * with literals, reaches for a language's inside, or calls what runs programs.
 */
import * as f from '../features.ts';
import type { Findings } from '../findings.ts';
import type { Subject } from '../subject.ts';

/** Expressions looked at in one value, and characters of each. */
const EXPRESSIONS_MAX = 64;
const EXPRESSIONS_IN_DOCUMENT_MAX = 16;
const EXPRESSION_LENGTH_MAX = 512;
/** Nested lookups evaluated; a lookup nested deeper is an attack by that alone. */
const LOOKUP_DEPTH_MAX = 8;

export function detectTemplate(subject: Subject, findings: Findings): void {
  const { characters: c, words } = subject;
  const has = (all: number): boolean => (c & all) === all;
  if (has(f.DOLLAR | f.BRACE)) lookups(subject, findings);
  const tags = has(f.LESS | f.PERCENT) || has(f.LESS | f.HASH);
  if ((c & f.BRACE) !== 0 || tags || has(f.AT | f.PAREN) || has(f.HASH | f.PAREN)) {
    expressions(subject, findings);
  }
  if ((words & f.WORD_CODE) !== 0 || has(f.LESS | f.OTHER) || has(f.DOLLAR | f.BRACKET)) {
    code(subject, findings);
  }
}

/** Log4j's ${...}: evaluated inside out, as it would be, until a jndi: shows. */
function lookups(subject: Subject, findings: Findings): void {
  const { text } = subject;
  // A lookup has a colon or another lookup inside; `${name}` has neither.
  const at = text.search(/\$\{[^}:$]{0,200}[:$]/);
  if (at < 0) return;
  const lookup = evaluateLookups(text, at);
  const { resolved } = lookup;
  // Without an address it looks nothing up; among words it is only named.
  const among = subject.trusting && /^\p{L}[\p{L}\d]{1,30} /u.test(text);
  const named = subject.prose || among ? JNDI_ADDRESS.test(resolved) : resolved.includes('jndi:');
  if (named && !/jndi:[a-z]{2,6}:\/\/\.\.\.\}/.test(resolved)) {
    findings.signal('template-jndi', subject, at, at + 80, 'a lookup that resolves to jndi:');
  } else if (subject.document) {
    return; // ${A:-b} is at home in scripts
  } else if (lookup.depth > LOOKUP_DEPTH_MAX) {
    findings.signal('template-jndi', subject, at, at + 80, `lookups nested ${lookup.depth} deep`);
  } else if (lookup.disguised) {
    findings.signal('template-jndi', subject, at, at + 80, 'a lookup that spells out letters');
  } else if (
    LOGGERS.test(text) &&
    // ${env:HOME} is at home in documents of settings.
    !(subject.place === 'json' && subject.trusting && !/\$\{(?!env:)\w{1,12}:/.test(text))
  ) {
    findings.signal('template-lookup', subject, at, at + 80, 'a lookup of the logger');
  }
}

/** `${jndi:ldap}` in a sentence is a name; an address makes it a lookup. */
const JNDI_ADDRESS = /jndi:\s{0,4}(?:[a-z]{2,6}:\/{0,2}[\w$[{%]|\$\{|\/\/)/;

/** Lookups of Log4j and of Commons Text. */
const LOGGERS =
  /\$\{(?:env|sys|java|ctx|main|docker|k8s|spring|bundle|log4j|web|lower|upper|date|sd|map|event|marker|base64|script|dns|url|base64decoder|urldecoder|const|resourcebundle|localhost|xml|properties):/i;

interface Lookups {
  /** The text with every lookup replaced by what it yields, in lower case. */
  readonly resolved: string;
  readonly depth: number;
  /** Letters are built by lower:, upper: or an empty name's default. */
  readonly disguised: boolean;
}

export function evaluateLookups(text: string, from: number): Lookups {
  const open: string[] = [''];
  let depth = 0;
  let disguised = 0;
  let plain = from; // where the text begins that is not in `open` yet
  for (let at = from; at < text.length; at++) {
    const code = text.charCodeAt(at);
    const opens = code === 36 && text.charCodeAt(at + 1) === 123;
    if (!opens && (code !== 125 || open.length === 1)) continue;
    open[open.length - 1] += text.slice(plain, at);
    if (opens) {
      open.push('');
      depth = Math.max(depth, open.length - 1);
      at++;
    } else {
      const inner = open.pop()!;
      const value = yieldOf(inner);
      if (value.length === 1 && inner.length > 1) disguised++;
      open[open.length - 1] += value;
    }
    plain = at + 1;
    if (depth > LOOKUP_DEPTH_MAX) break;
  }
  open[open.length - 1] += text.slice(plain);
  return { resolved: open.join('${').toLowerCase(), depth, disguised: disguised >= 2 };
}

/** What one lookup yields: lower:X and upper:X their letters, name:-default its default. */
function yieldOf(inner: string): string {
  const fallback = inner.indexOf(':-');
  if (fallback >= 0) return inner.slice(fallback + 2);
  const lower = inner.slice(0, 6).toLowerCase();
  if (lower === 'lower:' || lower === 'upper:') return inner.slice(6);
  if (lower.startsWith('date:')) return inner.slice(5).replaceAll("'", '');
  return `\${${inner}}`;
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

/** Server-side programs in a value. */
function code(subject: Subject, findings: Findings): void {
  const { lower } = subject;
  // system/**/("id"): a comment between a function and what it is given
  const commented = subject.text.includes('*/');
  const text = commented ? subject.text.replace(/\/\*[^*]{0,80}\*\//g, '') : subject.text;
  const shown = (at: number): boolean => subject.prose && subject.quotesCode(at);
  const php = !text.includes('<?') ? -1 : lower.search(/<\?(?:php|=|\s)/);
  if (php >= 0 && !shown(php)) {
    const body = lower.slice(php, php + 2048);
    if (
      /\b(?:system|exec|shell_exec|passthru|popen|proc_open|eval|assert|base64_decode|phpinfo|file_put_contents|file_get_contents|fopen|fwrite|include|require|create_function|preg_replace|call_user_func|unlink|move_uploaded_file|readfile|scandir|gzinflate|str_rot13|copy|curl_exec|md5|print|die)\b\s{0,4}[\s('"@]|\$_(?:get|post|request|cookie|server|files)\b|`[^`]{1,200}`|\$\w+\s{0,2}\(/.test(
        body,
      ) &&
      !lower.startsWith('<?xml')
    ) {
      findings.signal('code-php', subject, php, php + 80, 'PHP that does more than print');
    }
  }
  if (subject.prose) return;
  const ssi = !text.includes('<!--')
    ? -1
    : lower.search(/<!--\s{0,4}#\s{0,4}(?:exec|include|echo|printenv|config|fsize|flastmod|set)\b/);
  const esi = lower.includes('<esi:')
    ? lower.search(/<esi:(?:include|inline|eval|vars|debug)\b/)
    : -1;
  if (esi >= 0) findings.signal('code-ssi', subject, esi, esi + 60, 'an edge-side include');
  if (ssi >= 0) findings.signal('code-ssi', subject, ssi, ssi + 60, 'a server-side include');
  if ((subject.words & f.WORD_CODE) === 0 && (subject.characters & f.DOLLAR) === 0) return;
  if (subject.document) return;
  if (SUPERGLOBAL.test(text)) {
    findings.signal('code-call', subject, 0, 80, "PHP's own variable as a value");
    return;
  }
  const broken = subject.place === 'header' ? null : CODE_BREAKOUT.exec(text);
  if (broken) {
    findings.signal(
      'code-call',
      subject,
      broken[0].length - 20,
      80,
      'a closed string, then a call',
    );
    return;
  }
  const call = CODE_CALL.exec(text);
  const quoted =
    call !== null && call.index > 0 && subject.trusting && subject.quotesCode(call.index);
  if (call && !quoted) {
    findings.signal(
      'code-call',
      subject,
      call.index,
      call.index + 80,
      `${JSON.stringify(call[0].slice(0, 40))} runs programs`,
    );
    return;
  }
  const start =
    /^[\s;'"`.@&|)+$({\\]{0,8}(?:system|exec|shell_exec|passthru|popen|proc_open|pcntl_exec|eval|assert|phpinfo|phpversion|die|print|echo|var_dump|print_r|file_get_contents|readfile|include|require|create_function|call_user_func|open|compile|execfile|exit|base64_decode|md5|highlight_file|show_source|file_put_contents|p?fsockopen|stream_socket_client|get_defined_\w{2,12}|get_class_\w{2,12}|call_user_method(?:_array)?|gzinflate|gzuncompress|str_rot13|convert_uudecode|ini_(?:set|restore|get_all)|parse_ini_file|posix_\w{2,14}|apache_\w{3,20}|register_\w{4,8}_function|set_\w{5,9}_handler|move_uploaded_file|unserialize|scandir|opendir|php_uname|getenv|fopen|chmod|unlink|__halt_compiler)\s{0,4}\(\s{0,4}(.?)/i.exec(
      text,
    );
  // `popen()` in a text, and execFile() of Node
  const isNamed =
    start !== null &&
    subject.place === 'json' &&
    subject.trusting &&
    ((text.charCodeAt(0) === 96 && subject.quotesCode(1)) || start[0].includes('execFile'));
  if (start && !isNamed && subject.place !== 'header') {
    const verb = /[a-z_0-9]+(?=\s{0,4}\()/i.exec(start[0])![0].toLowerCase();
    const strong =
      /^(?:system|shell_exec|passthru|popen|proc_open|pcntl_exec|phpinfo|phpversion|create_function|execfile|highlight_file|show_source|readfile|file_get_contents|file_put_contents|p?fsockopen|stream_socket_client|get_defined_\w+|get_class_\w+|call_user_method\w*|gzinflate|gzuncompress|str_rot13|convert_uudecode|ini_\w+|parse_ini_file|posix_\w+|apache_\w+|register_\w+|set_\w+|move_uploaded_file|unserialize|php_uname|__halt_compiler)$/.test(
        verb,
      );
    const nested =
      /\b(?:system|shell_exec|passthru|phpinfo|base64_decode|md5|popen|exec|compile|__import__|chr|getenv|scandir|glob|file_get_contents|\$_\w+)\s{0,4}[([]/i.test(
        text.slice(start[0].length - start[1]!.length),
      );
    const variable = start[1] === '$' && /\$_(?:GET|POST|REQUEST|COOKIE|SERVER)/i.test(text);
    const literal = (verb === 'exec' || verb === 'assert') && /^['"]/.test(start[1] ?? '');
    if (
      (strong && !/^(?:open|system)$/.test(verb)) ||
      (verb === 'system' && /['"$]/.test(start[1] ?? '')) ||
      nested ||
      variable ||
      literal
    ) {
      findings.signal('code-call', subject, 0, 80, `${verb}(...) as a value`);
    }
  }
}

const SUPERGLOBAL =
  /^\W{0,8}\$(?:_(?:GET|POST|COOKIE|REQUEST|SERVER|FILES|SESSION|ENV)|GLOBALS|HTTP_[A-Z_]{3,16}_VARS)\s{0,2}\[[^\]]{0,40}\]\W{0,8}$/;

/** x"; system("id"); // : the first quote closes what the program wrote, and a call follows. */
const CODE_BREAKOUT =
  /^[^'"`]{0,64}['"`]\s{0,4}[)\]}]{0,4}\s{0,4}[;.|&+,]\s{0,4}@?(?:system|exec|shell_exec|passthru|popen|proc_open|pcntl_exec|eval|assert|phpinfo)\s{0,4}\(/i;

const CODE_CALL =
  /__import__\s{0,4}\(|\bos\.(?:system|popen|exec[lv]p?e?|spawn\w{0,4})\s{0,4}\(|\bsubprocess\.(?:call|run|Popen|check_output|getoutput)\s{0,4}\(|require\s{0,4}\(\s{0,4}['"`](?:node:)?(?:child_process|fs|vm|net|os)['"`]\s{0,4}\)\s{0,4}\.|(?:\bimport\s{0,4}\(\s{0,4}['"`](?:node:)?(?:child_process|fs|vm|net|os)['"`]\s{0,4}\)\s{0,4}\.|(?:\b_load|\])\s{0,4}\(\s{0,4}['"`](?:node:)?(?:child_process|fs|vm)['"`])|\bprocess\.(?:mainModule|binding|dlopen)\b|\bgetRuntime\s{0,4}\(\s{0,4}\)|\bRuntime\.getRuntime\b|new\s{1,4}(?:java\.lang\.)?ProcessBuilder|\bjava\.lang\.(?:Runtime|ProcessBuilder|System)\b(?!\s[A-Za-z])|\bClass\.forName\s{0,4}\(|\bIO\.popen|Kernel\.(?:exec|system|spawn)|System\.Diagnostics\.Process|\bProcess\.Start\s{0,4}\(|\bclass\.module\.classLoader|\bclass\.classLoader|#_memberAccess|@ognl\.|@java\.lang|xwork\.MethodAccessor|redirect:\$\{|redirectAction:\$\{|\ballow_url_include\s{0,2}=|auto_prepend_file\s{0,2}=|\$_(?:GET|POST|REQUEST|COOKIE)\s{0,2}\[[^\]]{0,40}\]\s{0,2}\(|[\\/]think[\\/](?:app|request|container|module)\b|\bcall_user_func(?:_array)?\b|\binvokefunction\b|\bpg_exec\s{0,2}\(|\bglobal\.process\b|Deno\.(?:run|Command)|\bfunction\s{0,4}\(\)\s{0,4}\{[^}]{0,80}require\s{0,2}\(/;
