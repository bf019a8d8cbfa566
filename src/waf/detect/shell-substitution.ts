/** Commands inside of `$(...)`, backticks and `<(...)`. */
import type { Findings } from '../findings.ts';
import type { Subject } from '../subject.ts';
import { hasArguments } from './shell-arguments.ts';
import { commandAt, skipBlanks } from './shell-command.ts';
import { isCommandLine } from './shell-line.ts';
import { ALONE, EVERYDAY, SCRIPTED, SUBCOMMANDS, WITH_ARGUMENTS } from './shell-programs.ts';

/** Separators looked at in one value. */
export const SEPARATORS_MAX = 256;

/** `$(<file)`: what bash reads for `cat file`. */
const READS_FILE = /\$\(<\s{0,4}[\w.~/-]{1,100}\)/;

/** $(...), `...`, <(...), each with a command inside. */
export function judgeSubstitutions(
  subject: Subject,
  findings: Findings,
  telling: () => boolean,
): void {
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
