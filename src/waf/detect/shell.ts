/**
 * Command injection: the text is read as a shell reads it. After each separator and inside each
 * substitution the next word is unquoted and, where it names a program, what follows it must look
 * like arguments (an option, a path, an address, the end), not like the rest of a sentence.
 */
import * as f from '../features.ts';
import type { Findings } from '../findings.ts';
import type { Subject } from '../subject.ts';
import { hasArguments } from './shell-arguments.ts';
import {
  BATCH_LOOP,
  type Command,
  commandAt,
  isBlankAt,
  isMadeProgram,
  skipBlanks,
} from './shell-command.ts';
import {
  isCmdlet,
  isCommandLine,
  isHost,
  isOptioned,
  isTarget,
  Lists,
  runsByPath,
} from './shell-line.ts';
import { ALONE, EVERYDAY, SUBCOMMANDS, WITH_ARGUMENTS } from './shell-programs.ts';
import { judgeSubstitutions, SEPARATORS_MAX } from './shell-substitution.ts';
import { judgeTelltales } from './shell-telltale.ts';

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

export function read(subject: Subject, findings: Findings): void {
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
    judgeSubstitutions(subject, findings, telling);
  }
  if ((c & (f.SEMICOLON | f.PIPE | f.AMPERSAND | f.NEWLINE)) !== 0) {
    judgeSeparators(subject, findings, telling);
  }
  if ((words & f.WORD_COMMAND) !== 0) direct(subject, findings, telling);
  judgeTelltales(subject, findings);
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
function judgeSeparators(subject: Subject, findings: Findings, telling: () => boolean): void {
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
