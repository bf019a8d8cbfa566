/**
 * Serialised objects: the first bytes of each format, plain or in base64 or hexadecimal, and the
 * names of types that do something when they are read back.
 */
import * as f from '../features.ts';
import type { Findings } from '../findings.ts';
import type { Subject } from '../subject.ts';

/** Base64 characters decoded; the formats tell themselves at their beginning. */
const BASE64_MAX = 4096;

/** Whether a text of these features can hold what `detectSerial` looks for. */
export function mayHoldSerial(c: number, words: number, subject: Subject): boolean {
  return subject.text.length >= LENGTH_MIN && (mayBePlain(c, words) || mayBeEncoded(subject));
}

const LENGTH_MIN = 8;

export function detectSerial(subject: Subject, findings: Findings): void {
  if (mayBeEncoded(subject)) encoded(subject, findings);
  if (mayBePlain(subject.characters, subject.words)) plain(subject, findings, subject.text, '');
}

function mayBePlain(c: number, words: number): boolean {
  return (
    (words & f.WORD_TYPE) !== 0 ||
    (c & (f.NEWLINE | f.CONTROL | f.HIGH)) !== 0 ||
    (c & BRACED) === BRACED
  );
}

const BRACED = f.COLON | f.BRACE;

/** In headers and cookies a payload may stand behind a label; else it is told by its first bytes. */
function mayBeEncoded({ text, place }: Subject): boolean {
  if (place === 'path') return false;
  if (place === 'header' || place === 'cookie') return true;
  const first = text.charCodeAt(0);
  const second = text.charCodeAt(1);
  if (startsLikeSerial(first, second, text.charCodeAt(2))) return true;
  // In hexadecimal: aced0005, \xaced0005, 0001000000
  if (first === 92) return second === 120 || second === 88;
  return (first | 0x20) === 97 ? (second | 0x20) === 99 : first === 48 && second === 48;
}

/** Whether a value may be the beginning of a serialised object in base64: rO0A, gASV, Tzo, ... */
export function startsLikeSerial(first: number, second: number, third: number): boolean {
  switch (first) {
    case 114: // rO0 Java
      return second === 79 && third === 48;
    case 65: // AAE .NET
      return second === 65 && third === 69;
    case 103: // gA pickle 2 to 5
      return (
        second === 65 &&
        (third === 83 ||
          third === 74 ||
          third === 78 ||
          third === 82 ||
          third === 73 ||
          third === 81 ||
          third === 87)
      );
    case 66: // BAh Ruby
      return second === 65 && (third === 104 || third === 103 || third === 105);
    case 84: // Tz PHP object
      return second === 122;
    case 81: // Qz PHP custom
      return second === 122;
    case 89: // YT PHP array, Y2 Y3 Yn pickle 0
      return second === 84 || second === 50 || second === 51;
    case 75: // KGRwM KGxw KFMn pickle 0
      return second === 71 || second === 70;
    case 101: // ey JSON
      return second === 121;
    case 79: // O: PHP
      return second === 58;
    case 72: // H4s gzip
      return second === 52 && third === 115;
    case 80: // PD9 PHP or XML
      return second === 68;
    default:
      return false;
  }
}

function encoded(subject: Subject, findings: Findings): void {
  const { text } = subject;
  const report = (why: string): void =>
    findings.signal(`serial-${why.split(' ')[0]!.toLowerCase()}`, subject, 0, 60, why);
  let start = 0;
  // A value may carry its payload after a label: `Bearer rO0...`, `session=gASV...`.
  if (
    text.length > 4 &&
    !startsLikeSerial(text.charCodeAt(0), text.charCodeAt(1), text.charCodeAt(2))
  ) {
    if (subject.place !== 'header' && subject.place !== 'cookie') {
      hexadecimal(subject, findings);
      return;
    }
    const mark = Math.max(
      text.lastIndexOf(' ', 64),
      text.lastIndexOf('=', 40),
      text.lastIndexOf(':', 40),
      text.lastIndexOf(',', 64),
      text.lastIndexOf('"', 64),
    );
    if (mark < 0 || mark + 4 > text.length) {
      hexadecimal(subject, findings);
      return;
    }
    start = mark + 1;
    if (
      !startsLikeSerial(
        text.charCodeAt(start),
        text.charCodeAt(start + 1),
        text.charCodeAt(start + 2),
      )
    ) {
      hexadecimal(subject, findings);
      return;
    }
  }
  let end = start;
  const limit = Math.min(text.length, start + BASE64_MAX);
  while (end < limit && isBase64(text.charCodeAt(end))) end++;
  if (end - start < 12) return;
  const bytes = Buffer.from(text.slice(start, end), 'base64').toString('latin1');
  const whole = end === text.length || text[end] === '%';
  if (bytes.startsWith('\xac\xed\0\x05')) report('Java object in base64');
  else if (bytes.startsWith('\0\x01\0\0\0\xff\xff\xff\xff')) report('NET object in base64');
  else if (isPickle(bytes, whole)) report('Python pickle in base64');
  else if (
    (/^\x04\x08[oIue["c:@]/.test(bytes) && /[A-Z]\w{2,}|:/.test(bytes.slice(3, 80))) ||
    // A hash is a session of Rack or Rails, unless it holds what runs.
    (bytes.startsWith('\x04\x08{') &&
      /[oecu][:@].{0,3}(?:ERB|Gem|Proc|ActiveSupport|ActionView|Kernel|DRb|Net::|Class)/.test(
        bytes,
      ))
  )
    report('Ruby object in base64');
  else if (
    /^(?:O|C):\+?\d{1,4}:"[\w\\]/.test(bytes) ||
    /^a:\d{1,4}:\{[\s\S]{0,200}O:\+?\d{1,3}:"/.test(bytes)
  )
    report('PHP object in base64');
  else if (bytes.startsWith('{') || bytes.startsWith('['))
    plain(subject, findings, bytes, ' in base64');
  else if (bytes.startsWith('<?php') || bytes.startsWith('<?='))
    findings.signal('serial-program', subject, start, end, 'a PHP program in base64');
}

function hexadecimal(subject: Subject, findings: Findings): void {
  const lower = subject.text.slice(0, 24).toLowerCase();
  if (lower.startsWith('aced0005') || lower.startsWith('\\xaced0005'))
    findings.signal('serial-java', subject, 0, 24, 'Java object in hexadecimal');
  else if (/^0001000000ffffffff(?![a-z])/.test(lower))
    findings.signal('serial-net', subject, 0, 24, 'NET object in hexadecimal');
}

function isPickle(bytes: string, whole: boolean): boolean {
  const first = bytes.charCodeAt(0);
  if (first === 0x80) {
    const protocol = bytes.charCodeAt(1);
    if (protocol < 2 || protocol > 5) return false;
    // A frame and its length in eight bytes, the upper four of which are never needed.
    if (protocol >= 4 && bytes.charCodeAt(2) === 0x95) return bytes.startsWith('\0\0\0\0', 7);
    const named = /[cX\x8c][\w.\x00-\x7f]{2,80}/.test(bytes.slice(2, 200));
    return named && (!whole || /\.[\0-\x03]?$/.test(bytes));
  }
  return (
    /^(?:\(dp?\d|\(lp?\d|c[\w.]{2,40}\n\w{2,40}\n|\(S'|\(i[\w.]{2,40}\n|\(c[\w.]{2,40}\n)/.test(
      bytes,
    ) &&
    (!whole || bytes.includes('.'))
  );
}

/** Type names that run something when an object of theirs is read back. */
const GADGETS: readonly (readonly [string, string])[] = [
  ['serial-java', 'org.apache.commons.collections'],
  ['serial-java', 'org.apache.xalan.xsltc'],
  ['serial-java', 'com.sun.rowset.jdbcrowsetimpl'],
  ['serial-java', 'com.sun.org.apache'],
  ['serial-java', 'javax.management.badattributevalueexpexception'],
  ['serial-java', 'javax.script.scriptenginemanager'],
  ['serial-java', 'javax.naming.initialcontext'],
  ['serial-java', 'java.lang.processbuilder'],
  ['serial-java', 'java.beans.eventhandler'],
  ['serial-java', 'java.beans.xmldecoder'],
  ['serial-java', 'java.util.priorityqueue'],
  ['serial-java', 'java.net.urlclassloader'],
  ['serial-java', 'org.springframework.beans.factory'],
  ['serial-java', 'org.springframework.context.support'],
  ['serial-java', 'org.codehaus.groovy.runtime'],
  ['serial-java', 'com.mchange.v2.c3p0'],
  ['serial-java', 'com.zaxxer.hikari'],
  ['serial-java', 'org.apache.ibatis.datasource'],
  ['serial-java', 'ch.qos.logback.core.db'],
  ['serial-java', 'com.caucho.config.types'],
  ['serial-java', 'ysoserial'],
  ['serial-net', 'system.windows.data.objectdataprovider'],
  ['serial-net', 'system.diagnostics.process'],
  ['serial-net', 'system.management.automation'],
  ['serial-net', 'system.configuration.install'],
  ['serial-net', 'system.security.principal.windowsidentity'],
  ['serial-net', 'system.workflow.componentmodel'],
  ['serial-net', 'system.windows.forms.bindingsource'],
  ['serial-net', 'system.io.fileinfo'],
  ['serial-net', 'system.web.security.roleprincipal'],
  ['serial-net', 'system.web.ui.losformatter'],
  ['serial-net', 'textformattingrunproperties'],
  ['serial-net', 'objectdataprovider'],
  ['serial-python', '!python/object:'],
  ['serial-python', '!python/object/'],
  ['serial-python', '!python/name:'],
  ['serial-python', '!python/module:'],
  ['serial-python', 'py/object'],
  ['serial-python', 'py/reduce'],
  ['serial-ruby', '!ruby/object'],
  ['serial-ruby', '!ruby/hash'],
  ['serial-java', '!!javax.'],
  ['serial-java', '!!java.'],
  ['serial-java', '!!com.sun.'],
  ['serial-java', '!!org.'],
  ['serial-node', '_$$nd_func$$_'],
  ['serial-node', '__js_function'],
  ['serial-node', '"rce":"_$$'],
];

function plain(subject: Subject, findings: Findings, text: string, note: string): void {
  if (text.startsWith('\xac\xed\0\x05'))
    findings.signal('serial-java', subject, 0, 20, `Java object${note}`);
  if (text.startsWith('\0\x01\0\0\0\xff\xff\xff\xff'))
    findings.signal('serial-net', subject, 0, 20, `NET object${note}`);
  if (text.charCodeAt(0) === 0x80 && isPickle(text, true))
    findings.signal('serial-python', subject, 0, 40, `Python pickle${note}`);
  if (subject.prose) return;
  const { characters } = subject;
  const decoded = note !== '';
  const php =
    (decoded || ((characters & f.BRACE) !== 0 && (characters & f.DQUOTE) !== 0)) &&
    /(?:^|[;{"':=|\s])[OC]:\+?\d{1,4}:"[\w\\]{1,200}":\+?\d{1,6}:\{/.exec(text.slice(0, 65536));
  if (php) findings.signal('serial-php', subject, php.index, php.index + 80, `PHP object${note}`);
  else if (/^a:\d{1,6}:\{(?:[is]:|\})/.test(text))
    findings.signal('serial-php-array', subject, 0, 80, `PHP array${note}`);
  const pickle =
    (decoded || (characters & f.NEWLINE) !== 0) &&
    /(?:^|[(.])c(?:os|posix|nt|subprocess|builtins|__builtin__|commands|sys|pty|platform|[a-z_.]{2,30})\n[a-z_A-Z.]{2,30}\n/.exec(
      text.slice(0, 4096),
    );
  if (pickle && /[tR.(]/.test(text.slice(pickle.index + pickle[0].length))) {
    findings.signal(
      'serial-python',
      subject,
      pickle.index,
      pickle.index + 60,
      `Python pickle${note}`,
    );
  }
  if (!decoded && (subject.words & f.WORD_TYPE) === 0) return;
  const lower = note === '' ? subject.lower : text.toLowerCase();
  for (const [signal, name] of GADGETS) {
    const at = lower.indexOf(name);
    if (at < 0 || isLetter(lower.charCodeAt(at - 1))) continue;
    const end = at + name.length;
    if (isLetter(lower.charCodeAt(end - 1)) && isLetter(lower.charCodeAt(end))) continue;
    if (!/\bimport\s{1,4}$/.test(lower.slice(Math.max(0, at - 12), at))) {
      findings.signal(signal, subject, at, at + 80, `names the type ${name}${note}`);
      break;
    }
  }
  if (
    /"?@type"?\s{0,4}:\s{0,4}"?(?:java|javax|com\.sun|org\.apache|com\.alibaba|L[a-z]+\/|\[)/i.test(
      text,
    ) ||
    /^\s{0,8}\[\s{0,8}"(?:com\.sun|org\.apache|java|javax|org\.springframework|com\.mchange|ch\.qos)\.[\w.$]{3,120}"\s{0,8},/.test(
      text,
    ) ||
    /"\$type"\s{0,4}:\s{0,4}"System\./i.test(text)
  ) {
    findings.signal(
      'serial-typed',
      subject,
      0,
      80,
      `a document that names the type to make${note}`,
    );
  }
  if (
    /<(?:java\s[^>]{0,80}class="java\.beans|dynamic-proxy|sorted-set|tree-map|linked-hash-set|java\.util|entry>\s{0,8}<jdk)/i.test(
      text,
    ) &&
    /processbuilder|eventhandler|imageio|nativestring|runtime|xmldecoder/i.test(text)
  ) {
    findings.signal('serial-java', subject, 0, 80, `XML of objects${note}`);
  }
  const isWhole = subject.place === 'json' && subject.name === '' && /^\s{0,8}[{[]/.test(text);
  const proto = isWhole ? KEYS.exec(text) : (PROTOTYPE.exec(text) ?? REFERENCE.exec(text));
  // What stands in an escaped quote is a string's; in a document of many lines it is shown.
  const inString =
    proto !== null && subject.name === '' && text.slice(0, proto.index).endsWith('\\"');
  if (
    proto &&
    !inString &&
    !isProgramLine(subject, proto) &&
    !(subject.name !== '' && subject.document && note === '' && subject.place !== 'body')
  )
    findings.signal(
      'serial-prototype',
      subject,
      proto.index,
      proto.index + 60,
      `reaches a prototype${note}`,
    );
}

/**
 * A property's path that reaches what all objects share, in each of the ways that readers of forms,
 * JSON, pointers and references write one: a.b, a[b], a["b"], a:b, /a/b, ["a","b"]. What defines a
 * property for all (`__defineGetter__`) and the spellings that survive a filter which takes the
 * word out once are of the same kind.
 */
const PROTOTYPE =
  /(?:^|["'[.{,&=/:;|>])__(?:proto|pro__proto__to|(?:define|lookup)[GS]etter)__(?=$|["'\].[=:/(,;|-])|(?:^|["'[.{,&=/:\]()])constructor(?:["'\]]{0,3}(?:[.:/]|\[|\.\[)["']?|["'\]\s]{0,4}:\s{0,4}\{["'\s]{0,4})(?:prototype|constructor)(?![\w-])|\[\s{0,4}["']constructor["']\s{0,4},\s{0,4}["']prototype["']|["']constructor["']\s{0,4}:\s{0,4}\{[^{}]{0,200}["']prototype["']\s{0,4}:|\bObject\.prototype(?:\.\w{1,40}|\[[^\]]{1,40}\])\s{0,4}=(?!=)|\bconstconstructorructor\b/;

/** Of a JSON document as a whole: its keys one after the other. Each of its strings is judged by itself. */
const KEYS =
  /["']__proto__["']\s{0,4}:|\[\s{0,4}["']constructor["']\s{0,4},\s{0,4}["']prototype["']|["']constructor["']\s{0,4}:\s{0,4}\{[^{}]{0,200}["']prototype["']\s{0,4}:/;

/**
 * `Object.prototype.get = function`, `__proto__: null,`, `__proto__|constructor` in a JSON string: a
 * program's line or a pattern as people write them, or code in `backticks` behind words.
 */
function isProgramLine(subject: Subject, { index, 0: found }: RegExpExecArray): boolean {
  const { trusting, place, name, text } = subject;
  if (!trusting || place !== 'json' || name === '') return false;
  const end = index + found.length;
  if (found.endsWith('=')) return found.endsWith(' =') && text[end] === ' ';
  if (index === 0) return text.startsWith(': ', end) || text.startsWith('|', end);
  return subject.quotesCode(index) && subject.wordsBefore(index);
}

/** A reference of React's server functions, `$1:then`: the property it names is looked up as it is. */
const REFERENCE =
  /(?:^|")\$[A-Za-z@]?[0-9a-f]{0,8}(?::[\w$-]{1,64}){0,16}:(?:__proto__|constructor|prototype)(?=$|[":])/;

function isLetter(lower: number): boolean {
  return lower >= 97 && lower <= 122;
}

function isBase64(code: number): boolean {
  const lower = code | 0x20;
  return (
    (lower >= 97 && lower <= 122) ||
    (code >= 48 && code <= 57) ||
    code === 43 ||
    code === 47 ||
    code === 45 ||
    code === 95
  );
}
