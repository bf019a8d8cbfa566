/**
 * Command injection: the text is read as a shell reads it. After each separator and inside each
 * substitution the next word is unquoted and, where it names a program, what follows it must look
 * like arguments (an option, a path, an address, the end), not like the rest of a sentence.
 */
import * as f from '../features.ts';
import type { Findings } from '../findings.ts';
import type { Subject } from '../subject.ts';
import { namedByWildcards } from './glob.ts';
import {
  BATCH_LOOP,
  type Command,
  commandAt,
  hasArguments,
  isBlankAt,
  isMadeProgram,
  skipBlanks,
} from './shell-command.ts';
import {
  isCmdlet,
  isCommandLine,
  isDisguised,
  isHost,
  isOptioned,
  isTarget,
  Lists,
  runsByPath,
} from './shell-line.ts';
import { ALONE, EVERYDAY, SCRIPTED, SUBCOMMANDS, WITH_ARGUMENTS } from './shell-programs.ts';
import { handsOverShell } from './shell-reverse.ts';

/** Separators looked at in one value. */
const SEPARATORS_MAX = 256;

/** Characters of a line that tell whether it is a command's. */
const LINE_LENGTH_MAX = 80;

/** A shell that waits for someone to type: nobody needs one by way of a request. */
const INTERACTIVE = /(?:^|[\s/;|&`(])(?:ba|z|da|k)?sh -i\b/;

/** Arguments that make any command an attack, even within prose. */
const TELLING = [
  '/etc/passwd',
  '/etc/shadow',
  '/dev/tcp/',
  '/dev/udp/',
  '/bin/sh -i',
  '/bin/bash -i',
  '-e /bin/',
  '-e cmd',
  '/proc/self',
  '0<&1',
  '0>&1',
  '169.254.169.254',
  '-c /bin/',
];

/** Of those, what no honest script of many lines holds either. */
const TELLING_IN_DOCUMENTS = ['/dev/tcp/', '/dev/udp/', '0<&1', '-e /bin/sh', '-e /bin/bash'];

/** Options that hand a program to git, ssh, tar, rsync, zip or find, as an argument slips them in. */
const RUNNING_OPTION =
  /(?:^|\s)(?:--(?:upload-pack|receive-pack|exec|ext-diff|use-compress-program|to-command|rsh|unzip-command|checkpoint-action|use-askpass|config-env)[ =]['"\w/]|-o\s{0,2}(?:proxycommand|queuedirectory)=)/;

/** ;a=i;b=d;$a$b : variables set, and one of them where a command is expected. */
const RUNS_VARIABLE =
  /[;&|\n]\s{0,4}\w{1,12}=(?:\$?'[^'\n]{0,80}'|"[^"\n]{0,80}"|[^\s;&|$'"]{1,40})(?:[;&\s][^\n]{0,200})?[;&|]\s{0,4}(?:\$\{?\w{1,12}\}?){1,8}\s{0,4}(?:$|[\s;|&])/;

export function detectShell(subject: Subject, findings: Findings): void {
  read(subject, findings);
  const { characters: c, words } = subject;
  // ;cat+/etc/passwd: a form's blank, encoded twice.
  const shelly = (c & SEPARATORS) !== 0 || (words & f.WORD_COMMAND) !== 0;
  if ((c & f.PLUS) !== 0 && (c & f.SPACE) === 0 && shelly) {
    read(subject.reread(subject.text.replaceAll('+', ' ')), findings);
  }
}

const SEPARATORS = f.SEMICOLON | f.PIPE | f.AMPERSAND | f.BACKTICK;

function read(subject: Subject, findings: Findings): void {
  const { text } = subject;
  if ((subject.characters & f.BRACE) !== 0 && (text.includes('() {') || text.includes('(){'))) {
    const at = text.indexOf('()');
    const rest = text.slice(at + 2, at + 80).replaceAll(' ', '');
    if (
      rest.startsWith('{:;}') ||
      rest.startsWith('{:;;}') ||
      rest.startsWith('{_;}') ||
      (at === 0 && subject.place === 'header')
    ) {
      findings.signal(
        'shell-shock',
        subject,
        at,
        at + 80,
        'a function definition bash would import',
      );
    }
  }
  const { characters: c, words } = subject;
  let known: boolean | undefined;
  const telling = (): boolean => {
    known ??= tells(subject);
    return known;
  };
  if (
    (c & (f.BACKTICK | f.DOLLAR)) !== 0 ||
    ((c & (f.LESS | f.GREATER)) !== 0 && (c & f.PAREN) !== 0)
  ) {
    substitutions(subject, findings, telling);
  }
  if ((c & (f.SEMICOLON | f.PIPE | f.AMPERSAND | f.NEWLINE)) !== 0) {
    separators(subject, findings, telling);
  }
  if ((words & f.WORD_COMMAND) !== 0) direct(subject, findings, telling);
  telltale(subject, findings);
}

function tells(subject: Subject): boolean {
  const { lower } = subject;
  if (subject.document) return TELLING_IN_DOCUMENTS.some((it) => lower.includes(it));
  return (
    TELLING.some((it) => lower.includes(it)) ||
    INTERACTIVE.test(lower) ||
    ((subject.characters & f.PERCENT) !== 0 && BATCH_LOOP.test(lower))
  );
}

/** ; | || & && and line ends, each followed by a command. */
function separators(subject: Subject, findings: Findings, telling: () => boolean): void {
  const { text } = subject;
  const limit = SEPARATORS_MAX;
  const lists = new Lists(text);
  const dollars = (subject.characters & f.DOLLAR) !== 0;
  if (subject.document && !telling()) return;
  const isShown = (): boolean => isCommandLine(subject) && !telling();
  let seen = 0;
  let lineStart = 0;
  /** Whether the line, not the first, is a command line from its own first word on. */
  let shownLine: boolean | undefined;
  for (let at = 0; at < text.length && seen < limit; at++) {
    const code = text.charCodeAt(at);
    const line = code === 10 || code === 13;
    if (code !== 59 && code !== 124 && code !== 38 && !line) continue;
    let end = at + 1;
    while (end < text.length && (text.charCodeAt(end) === code || text.charCodeAt(end) === 10))
      end++;
    seen++;
    if (line) {
      lineStart = end;
      shownLine = undefined;
    }
    // Lines of a body are lines; a line end in a query's value is a way to a second command.
    if (line && subject.place !== 'query' && subject.place !== 'cookie') {
      at = end - 1;
      continue;
    }
    if (dollars && /^\s{0,4}\$(?:0|\{0\})\s{0,4}(?:$|[;|&#])/.test(text.slice(end, end + 16))) {
      if (isShown()) return;
      findings.signal('shell-separator', subject, at, end + 8, '$0, which is the shell itself');
      return;
    }
    if (lineStart > 0 && at > lineStart) {
      shownLine ??= isCommandLine(
        subject.reread(text.slice(lineStart, lineStart + LINE_LENGTH_MAX)),
      );
      if (shownLine && !telling()) continue;
    }
    // &amp; and &name= are HTML and forms.
    const command = commandAt(text, end);
    if (command && isCommand(subject, command, at, end, line, lists)) {
      if (isShown()) return;
      if (!subject.prose || telling()) {
        findings.signal(
          'shell-separator',
          subject,
          at,
          command.end + 40,
          `${JSON.stringify(text.slice(at, end))}, then the command ${command.name}`,
        );
        return;
      }
    }
    at = end - 1;
  }
}

/** `$(<file)`: what bash reads for `cat file`. */
const READS_FILE = /\$\(<\s{0,4}[\w.~/-]{1,100}\)/;

/** $(...), `...`, <(...), each with a command inside. */
function substitutions(subject: Subject, findings: Findings, telling: () => boolean): void {
  const { text } = subject;
  let seen = 0;
  const isShown = (): boolean => isCommandLine(subject) && !telling();
  const reads =
    text.includes('$(<') && !subject.prose && !subject.document ? text.search(READS_FILE) : -1;
  if (reads >= 0) {
    if (isShown()) return;
    findings.signal('shell-substitution', subject, reads, reads + 60, 'a file read by $(<...)');
    return;
  }
  for (let at = 0; at < text.length && seen < SEPARATORS_MAX; at++) {
    const code = text.charCodeAt(at);
    let inner = 0;
    let close = '';
    if ((code === 36 || code === 60 || code === 62) && text.charCodeAt(at + 1) === 40) {
      inner = at + 2;
      close = ')';
    } else if (code === 96) {
      // ``ls`` of reStructuredText: a pair of them is an empty substitution.
      if (text.charCodeAt(at + 1) === 96) {
        at++;
        continue;
      }
      inner = at + 1;
      close = '`';
    } else continue;
    seen++;
    const command = commandAt(text, inner);
    if (!command) continue;
    const known = command.located || ALONE.has(command.name) || WITH_ARGUMENTS.has(command.name);
    if (!known) continue;
    const end = text.slice(inner, inner + 512).indexOf(close);
    if (end < 0) continue;
    const ends = '`)|;&'.includes(text[skipBlanks(text, command.end)] ?? ' ');
    // In backticks paths and developers' tools are words of a text, but where a value goes on with them.
    const shown = command.located || SUBCOMMANDS.has(command.name);
    if (shown && close === '`' && !/[A-Za-z0-9.=]/.test(text[at - 1] ?? ' ')) continue;
    if (command.located && code !== 36 && close === ')') continue;
    if (code === 62 && '-='.includes(text[at - 1] ?? ' ')) continue; // ->(env) { }, of Ruby
    if (code === 36 && SCRIPTED.has(command.name) && isPartOfScript(subject, at)) continue;
    if (
      !command.located &&
      !(ends && !EVERYDAY.has(command.name)) &&
      !(ends && close === ')' && code === 36) &&
      !hasArguments(text, command)
    )
      continue;
    if ((subject.prose || subject.document) && !(close === ')' && telling())) {
      continue;
    }
    // `quotes of TeX' open with a backtick and never close with one.
    if (close === '`' && text.slice(inner, inner + end).includes('\n')) continue;
    // Markdown shows a command between blanks; an injection is part of something, or is all there is.
    if (close === '`' && shownInText(text, at, inner + end)) continue;
    if (code === 60 && !hasArguments(text, command)) continue;
    if (isShown()) return;
    findings.signal(
      'shell-substitution',
      subject,
      at,
      inner + end + 1,
      `the command ${command.name} in ${close === '`' ? 'backticks' : '$(...)'}`,
    );
    return;
  }
}

/** `ls $(npm config get cache)`, `x="$(mktemp)"`: in JSON, a script's own; an injection is glued to a value. */
function isPartOfScript({ trusting, place, text }: Subject, at: number): boolean {
  return trusting && place === 'json' && at > 0 && '="\' (\t\n'.includes(text[at - 1]!);
}

/** Whether a span in backticks stands as code in a sentence: words around it, blanks beside it. */
function shownInText(text: string, start: number, end: number): boolean {
  const line = text.slice(text.lastIndexOf('\n', start) + 1, start);
  if (/^\s{0,8}(?:#{1,6}|[*+>-]|\d{1,3}\.) /.test(line)) return true; // of a list or a heading
  const before = start === 0 ? ' ' : text[start - 1]!;
  const after = text[end + 1] ?? ' ';
  if (!' \n("'.includes(before) || !' \n.,:;!?)"\'-'.includes(after)) return false;
  return (
    wordsIn(text.slice(Math.max(0, start - 160), start)) +
      wordsIn(text.slice(end + 1, end + 161)) >=
    2
  );
}

function wordsIn(text: string): number {
  let words = 0;
  for (const word of text.split(/[\s.,:;!?()"]/)) if (/^[A-Za-z']{2,20}$/.test(word)) words++;
  return words;
}

/** The value is a command from its first word: a web shell's parameter, or an open attack. */
function direct(subject: Subject, findings: Findings, telling: () => boolean): void {
  const { text, place } = subject;
  if (place === 'header' || place === 'path' || text === subject.name) return;
  const command = commandAt(text, 0);
  if (!command) return;
  const known = ALONE.has(command.name) || WITH_ARGUMENTS.has(command.name);
  if (!known || subject.prose) return;
  const named =
    /^(?:cmd|exec|command|execute|run|shell|daemon|c|do|system|ping|code|x|func)$/i.test(
      subject.name,
    );
  const argued = hasArguments(text, command);
  const after = skipBlanks(text, command.end);
  const alone = after >= text.length && ALONE.has(command.name);
  const asked =
    place === 'query' ||
    place === 'cookie' ||
    (place === 'form' && argued && FORM_COMMANDS.test(subject.name));
  if (named && asked && (argued || alone)) {
    findings.signal(
      'shell-command',
      subject,
      0,
      text.length,
      `a command, ${command.name}, in a parameter named ${subject.name}`,
    );
  } else if (argued && telling()) {
    findings.signal(
      'shell-command',
      subject,
      0,
      text.length,
      `the command ${command.name} with a telling argument`,
    );
  } else if (argued && command.pathed && place !== 'json') {
    findings.signal(
      'shell-command',
      subject,
      0,
      text.length,
      `the command ${command.name} by its path`,
    );
  }
}

/** Fields of a form whose value is a program's line, and nothing that a person writes about one. */
const FORM_COMMANDS = /^(?:cmd|exec|execute|system|shell)$/i;

/** Spellings that only a shell's evader uses, and the ends of reverse shells. */
function telltale(subject: Subject, findings: Findings): void {
  const { text, characters: c, words } = subject;
  const ifs = (c & f.DOLLAR) !== 0 && (text.includes('${IFS') || text.includes('$IFS'));
  if (ifs && !subject.prose && !subject.document) {
    findings.signal(
      'shell-ifs',
      subject,
      text.indexOf('$'),
      text.length,
      'the field separator for a blank',
    );
  }
  if ((c & f.COLON) !== 0 && (c & f.BRACE) !== 0 && !subject.prose && !subject.document) {
    const bomb = text.search(/:\s?\(\)\s?\{\s?:\s?\|/);
    if (bomb >= 0) findings.signal('shell-ifs', subject, bomb, bomb + 20, 'a fork bomb');
  }
  const assigns = (c & f.DOLLAR) !== 0 && (c & f.EQUALS) !== 0 && !subject.document;
  if (assigns && RUNS_VARIABLE.test(text) && !isCommandLine(subject))
    findings.signal('shell-ifs', subject, 0, 80, 'a command put together in variables');
  if ((words & (f.WORD_COMMAND | f.WORD_REMOTE)) === 0 && (c & f.SLASH) === 0) return;
  const option = mayBeOption(text, c) ? subject.lower.search(RUNNING_OPTION) : -1;
  if (option >= 0 && !subject.prose && !subject.document && !isCommandLine(subject))
    findings.signal('shell-command', subject, option, option + 60, 'an option that runs a program');
  const remote = (words & f.WORD_REMOTE) !== 0;
  const reverse = remote ? handsOverShell(subject) : undefined;
  if (reverse)
    findings.signal('shell-reverse', subject, reverse.at - 20, reverse.at + 60, reverse.why);
  if (remote && !subject.prose) windows(subject, findings);
  if ((c & f.PERCENT) !== 0 && !subject.prose) batchLoop(subject, findings);
  if (isFormula(text) && !subject.prose)
    findings.signal('shell-command', subject, 0, 60, 'a formula that runs a program');
  const glob = mayHoldWildcard(text, c) ? namedByWildcards(text) : -1;
  if (glob >= 0 && !subject.prose)
    findings.signal('shell-ifs', subject, glob, glob + 60, 'a file named by wildcards');
  if ((c & JOINED) !== 0 && (c & f.SLASH) !== 0 && isDisguised(subject.lower) && !subject.prose)
    findings.signal('shell-ifs', subject, 0, 80, 'a secret file in pieces that a shell joins');
  const brace = (c & f.BRACE) !== 0 ? text.search(BRACED) : -1;
  if (brace >= 0 && !subject.prose && !subject.document)
    findings.signal('shell-ifs', subject, brace, brace + 60, 'a command in brace expansion');
}

/** `--exec`, `-oProxyCommand` */
function mayBeOption(text: string, c: number): boolean {
  return (c & f.OTHER) !== 0 && (text.includes('--') || text.includes('-o') || text.includes('-O'));
}

function isFormula(text: string): boolean {
  const first = text.charCodeAt(0);
  if (first !== 61 && first !== 43 && first !== 64 && first !== 45) return false;
  return /^[=+@-]\s{0,4}(?:cmd|powershell|rundll32|mshta|msexcel)\|/i.test(text);
}

function mayHoldWildcard(text: string, c: number): boolean {
  if ((c & f.SLASH) === 0) return false;
  return (c & (f.STAR | f.BRACKET)) !== 0 || ((c & f.OTHER) !== 0 && text.includes('?'));
}

/** Characters at which a shell joins the pieces of a word; those beyond ASCII are quotes, too. */
const JOINED = f.SQUOTE | f.DQUOTE | f.BACKSLASH | f.DOLLAR | f.HIGH;

const BRACED = /\{(?:cat|ls|id|nc|curl|wget|echo|bash|sh|ping|uname|rm|head|tail),[^{}\s]{0,80}\}/;

/** /usr/local/bin: of a list of paths, where programs lie and none itself. */
const FOLDERS = new Set([
  'bin',
  'sbin',
  'local',
  'lib',
  'lib64',
  'share',
  'games',
  'src',
  'include',
]);

/** Programs that do something without an argument, and whose names are words. */
const WORDLESS = new Set([
  'date',
  'set',
  'last',
  'history',
  'export',
  'find',
  'jobs',
  'who',
  'dig',
]);

/** What Windows runs, wherever it stands: PowerShell told to hide or to run what it fetches, cmd /c. */
function windows(subject: Subject, findings: Findings): void {
  const { lower } = subject;
  for (const [pattern, why] of WINDOWS) {
    const at = lower.search(pattern);
    if (at < 0 || subject.quotesCode(at)) continue;
    findings.signal('shell-command', subject, at, at + 80, why);
    return;
  }
}

function batchLoop(subject: Subject, findings: Findings): void {
  const typed = subject.trusting && (subject.place === 'json' || subject.place === 'form');
  if (!typed && BATCH_LOOP.test(subject.text.slice(0, 160)))
    findings.signal('shell-command', subject, 0, 80, 'a loop of cmd.exe');
}

const WINDOWS: readonly (readonly [RegExp, string])[] = [
  [
    /\b(?:powershell|pwsh)(?:\.exe)?["']?\s[^|]{0,80}[-/](?:e|en|enc|encodedcommand|ec|w|nop|noni|ep|exec)\b/,
    'powershell told to hide',
  ],
  [
    /\b(?:iex|invoke-expression)\s{0,4}[(&]?\s{0,4}\(?(?:new-object|iwr|irm|invoke-webrequest|invoke-restmethod|\$)/,
    'powershell runs what it fetches',
  ],
  [
    /(?:\b(?:iwr|irm|invoke-webrequest|invoke-restmethod)\s|\.downloadstring\()[^\n]{0,200}\|\s{0,4}(?:iex|invoke-expression)\b/,
    'powershell runs what it fetches',
  ],
  [/(?:\b(?:cmd|command)(?:\.exe|\.com)?|%comspec%)["']?\s{1,4}\/(?:c|k|r)\b/, 'cmd /c'],
  [/(?:^|[\s;|&])cmd(?:\.exe)?\/(?:c|k|r)\s/, 'cmd /c'],
  [
    /\bcertutil(?:\.exe)?\s[^\n]{0,80}[-/](?:urlcache|verifyctl|decode|decodehex|encode)\b/,
    'certutil fetches or unpacks',
  ],
  [
    /\b(?:bitsadmin(?:\.exe)?\s[^\n]{0,40}\/transfer|mshta(?:\.exe)?\s{1,4}(?:https?:|javascript:|vbscript:)|regsvr32(?:\.exe)?\s[^\n]{0,40}\/i:http|rundll32(?:\.exe)?\s{1,4}javascript:)/,
    'a program of Windows that runs what it fetches',
  ],
];

function isCommand(
  subject: Subject,
  command: Command,
  separator: number,
  after: number,
  line: boolean,
  lists: Lists,
): boolean {
  const { text } = subject;
  if (command.located) {
    return !lists.ofPaths(text[separator]!) && runsByPath(subject, command, separator);
  }
  if (lists.makesProgram && isMadeProgram(text, command, separator)) return true;
  const alone = ALONE.has(command.name);
  if (command.pathed && command.name.length > 1) return !FOLDERS.has(command.name);
  if (isCmdlet(text, command)) return true;
  if (!alone && !WITH_ARGUMENTS.has(command.name)) return isOptioned(text, command, separator);
  if (command.pathed || (command.disguised && !/^['"]/.test(text.slice(command.at)))) {
    if (!(command.disguised && EVERYDAY.has(command.name) && !hasArguments(text, command)))
      return true;
  }
  const rest = skipBlanks(text, command.end);
  const ends = rest >= text.length || ';|&`)\n\r#\'"}>'.includes(text[rest]!);
  // Unix tells small letters from capitals: `Coeur d'Alene; ID` names a state.
  const capitals = /^[A-Z]{1,3}$/.test(text.slice(command.at, command.end));
  if (alone && ends && capitals) return false;
  // w, of one letter, in a password
  if (command.name === 'w' && rest < text.length && !';|&\n'.includes(text[rest]!)) return false;
  // $name = "Ann"; echo $name; of PHP
  if (command.name === 'echo' && subject.trusting && /^\$\w{1,30} = /.test(text)) return false;
  // A form's or an entity's name: &id=5, &lt;
  if (text[command.end] === '=' || (text[rest] === '=' && text[rest + 1] !== '/')) return false;
  if (ends) {
    if (
      text[after - 1] === '&' &&
      after - separator === 1 &&
      !isBlankAt(text, after) &&
      rest < text.length &&
      text[rest] !== '&' &&
      text[rest] !== '#' &&
      text[rest] !== '|'
    ) {
      if (text[rest] === ';') return false; // an entity
    }
    if (lists.ofWords) return false;
    if (alone && !EVERYDAY.has(command.name)) return true;
    if (alone && !isBlankAt(text, after) && (separator === 0 || !isBlankAt(text, separator - 1)))
      return true;
    if (line && alone) return true;
    if (rest < text.length) return false;
    const before = text.slice(0, separator);
    if (command.name === 'date' || command.name === 'set') return isTarget(before);
    return (alone || WORDLESS.has(command.name)) && isHost(before);
  }
  // A developer's tool within `backticks` of a text is shown.
  if (SUBCOMMANDS.has(command.name) && subject.quotesCode(command.at)) return false;
  return hasArguments(text, command);
}
