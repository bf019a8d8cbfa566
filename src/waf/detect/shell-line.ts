/** Lines of a shell as wholes: what is shown by a person, what is a list, what hides a name. */
import type { Subject } from '../subject.ts';
import { hasArguments } from './shell-arguments.ts';
import { type Command, commandAt, skipBlanks } from './shell-command.ts';
import { ALONE, WITH_ARGUMENTS } from './shell-programs.ts';

/** A list or a table of plain words longer than this is not told from commands. */
const LIST_LENGTH_MAX = 2000;

/** Joined by the shell: /et'c'/pass\wd, /etc$u/passwd$u. */
export function isDisguised(lower: string): boolean {
  if (lower.length > 2048 || !mayJoin(lower)) return false;
  const joined = lower.replace(/['"\\\u2018\u2019]|\$(?:\{\w{0,12}\}|\w{1,12}|[@*])/g, '');
  return /etc\/(?:passwd|shadow)/.test(joined) && !/etc\/(?:passwd|shadow)/.test(lower);
}

/** Whether a slash follows the last letter of `etc`, or what a shell takes out between both. */
function mayJoin(lower: string): boolean {
  const expands = lower.includes('$');
  for (let at = lower.indexOf('/'); at >= 0; at = lower.indexOf('/', at + 1)) {
    if (expands || ETC_ENDS.includes(lower[at - 1] ?? ' ')) return true;
  }
  return false;
}

const ETC_ENDS = 'c\'"\\\u2018\u2019';

/** Verb-Noun as PowerShell names its commands, with an option, a path or nothing behind. */
export function isCmdlet(text: string, command: Command): boolean {
  const first = text.charCodeAt(command.at);
  if (first < 65 || first > 90) return false;
  return /^(?:Add|Clear|Copy|Disable|Enable|Export|Get|Import|Invoke|Move|New|Out|Remove|Rename|Restart|Set|Start|Stop|Suspend|Test|Write)-(?!On\b)[A-Z][A-Za-z]{2,30}(?=$|(?<=Out-File|-Content|Invoke-Command|-Process|-Item|-ItemProperty|-Service|-Computer|-Object|-ExecutionPolicy|-WmiObject|-CimInstance|-MpPreference|-LocalUser|-ScheduledTask|-Expression|-WebRequest|-RestMethod)\s{1,4}\S|\s{1,4}(?:-[A-Za-z]|[\\/$"'(]|[A-Za-z]:\\)|[;|&)])/.test(
    text.slice(command.at, command.at + 80),
  );
}

/** A word of no known program, with options, and nothing but a value or nothing before it. */
export function isOptioned(text: string, command: Command, separator: number): boolean {
  const next = text.charCodeAt(skipBlanks(text, command.end));
  if (next !== 45 && next !== 47) return false; // an option or a path
  const before = text.slice(0, separator);
  if (before.trim() !== '' && !isTarget(before) && !isWordWithOption(text, command, before))
    return false;
  if (!/^[a-z][a-z0-9_.-]{1,30}$/.test(text.slice(command.at, command.end))) return false;
  return /^\s{1,4}(?:(?:-[A-Za-z]{1,3}|--[a-z][a-z-]{1,30})(?:[\s=]|$)|\/(?:etc|tmp|var|usr|home|root|dev|proc|bin)\/)/.test(
    text.slice(command.end, command.end + 40),
  );
}

/** `x; getcap -r`: one word before, and an option of one letter; `shoes | nike -red` is a search. */
function isWordWithOption(text: string, command: Command, before: string): boolean {
  return (
    /^\s*[\w-]{1,24}\s*$/.test(before) &&
    /^\s{1,4}-(?:[A-Za-z]|-[a-z][a-z-]{1,30})(?:[\s=]|$)/.test(
      text.slice(command.end, command.end + 40),
    )
  );
}

/**
 * A program by its path after a separator: what follows ends the command or is a few arguments, and
 * the separator parts no list of paths, no cells of a table and no entity of HTML.
 */
export function runsByPath(subject: Subject, command: Command, separator: number): boolean {
  const { text, place } = subject;
  if (place === 'header' || place === 'path' || subject.quotesCode(command.at)) return false;
  const mark = text[separator]!;
  const before = text.slice(Math.max(0, separator - 80), separator);
  if (mark === ';' && /&#?\w{1,10}$/.test(before)) return false;
  if (/["']\s{0,4}$/.test(before) && /["']/.test(text[command.at]!)) return false;
  const rest = skipBlanks(text, command.end);
  const next = text[rest] ?? ';';
  if (mark === '|' && next === '|') {
    // Cells of a table; a pipe leads on to another program.
    const piped = commandAt(text, rest + 1);
    return (
      piped !== undefined &&
      (piped.located || ALONE.has(piped.name) || WITH_ARGUMENTS.has(piped.name))
    );
  }
  if (';|&)`#>\n\r\'"}'.includes(next)) return true;
  if (rest === command.end) return false;
  return (
    hasArguments(text, command) ||
    /^[\w.:=@%+-]{1,60}(?:\s{1,4}\S{1,60}){0,2}\s{0,4}(?:$|[;|&>#`)])/.test(
      text.slice(rest, rest + 200),
    )
  );
}

/** ./a;./b, /api|/admin: paths and nothing else. */
function isPathList(text: string, mark: string): boolean {
  if (text.length > LIST_LENGTH_MAX) return false;
  const pieces = text.split(mark);
  return pieces.every((it) => it.trim() === '' || /^\s*\S*[/\\]\S*\s*$/.test(it));
}

/** Programs of a developer, whose arguments are words. */
const TOOLS = new Set(
  'git npm npx yarn pnpm docker kubectl make pip pip3 apt apt-get brew cargo go sudo systemctl terraform helm'.split(
    ' ',
  ),
);

/**
 * A command line from its first word on, in a body, is what someone shows or hands to an agent; an
 * injection begins with the data that it follows.
 */
export function isCommandLine(subject: Subject): boolean {
  if (!subject.trusting || !TYPED.has(subject.place)) return false;
  const { text } = subject;
  if (subject.place === 'multipart' && RUNS_FETCHED.test(text)) return false;
  // A prompt, or a variable set before anything else.
  if (
    /^(?:[$#>%] |\$env:|PS[ >]|[A-Z][A-Z0-9_]{0,30}=|RUN |(?:- )?(?:run|script|command): )/.test(
      text,
    )
  )
    return true;
  if (subject.place === 'json' && SCRIPT_LINE.test(text)) return true;
  if (/^[A-Z][a-z]{1,9}-[A-Z][A-Za-z]{2,30}\b/.test(text)) return true; // Get-Service of PowerShell
  // tsc && cp -r a b: one word of a program, no host, number or file that a form asked for.
  if (/^[a-z][a-z_-]{1,20}(?: [\w./:-]{1,30}){0,4} && /.test(text)) return true;
  // A line of a crontab
  if (/^(?:\w{1,20}: ?)?(?:[\d*/,-]{1,12} ){5}\S/.test(text)) return true;
  // rg -n foo src | head: a program by whatever name, with an option.
  if (/^[a-z][a-z0-9_.-]{1,20} --?[a-z]/i.test(text) && !isTarget(text.slice(0, text.indexOf(' '))))
    return true;
  const command = commandAt(text, 0);
  if (command?.at !== 0 || command.disguised) return false;
  if (command.located && text.startsWith('./')) return true;
  if (TOOLS.has(command.name)) return / [a-z]/.test(text.slice(command.end, command.end + 2));
  if (!ALONE.has(command.name) && !WITH_ARGUMENTS.has(command.name)) return false;
  return (
    hasArguments(text, command) || (command.name === 'cd' && text.charCodeAt(command.end) === 32)
  );
}

/** What is fetched, or lies where anybody may write, and is run: no chat needs it from a form with files. */
const RUNS_FETCHED =
  /\b(?:curl|wget)\b[^\n|]{0,200}\|\s{0,4}(?:\S{1,20}\/)?(?:ba|z|da)?sh\b|\bchmod\s[^\n;&]{1,40}\/tmp\//;

/** Where people and their agents put command lines. */
const TYPED: ReadonlySet<string> = new Set(['json', 'form', 'multipart']);

/** A line of a script: a test, a loop, an assignment of what a command says, a program beside it. */
const SCRIPT_LINE =
  /^(?:\[{1,2} |\( ?cd |test |(?:while|until) (?:read|true|:|IFS=|sleep)\b|(?:if|elif|while|until) (?:\[{1,2} |! |test )|for \w{1,30} in |case ["'$\w{}]{1,40} in\b|\w{1,30}=["']?(?:\$\(|`)|\.{1,2}\/[\w./-]{1,60} --?\w)/;

/** What stood before the separator is a host, a number, a file: a value, not a word. */
export function isTarget(text: string): boolean {
  return /^\s*[\w-]*[\d.][\w.-]*\s*$/.test(text.slice(0, 80));
}

/** What a value is as a whole, asked once however many separators it has. */
export class Lists {
  readonly #text: string;
  #words: boolean | undefined;
  #made: boolean | undefined;
  #paths: Map<string, boolean> | undefined;

  constructor(text: string) {
    this.#text = text;
  }

  get ofWords(): boolean {
    this.#words ??= isList(this.#text);
    return this.#words;
  }

  /** @param mark the separator of the list */
  ofPaths(mark: string): boolean {
    this.#paths ??= new Map();
    let known = this.#paths.get(mark);
    if (known === undefined) {
      known = isPathList(this.#text, mark);
      this.#paths.set(mark, known);
    }
    return known;
  }

  /** Whether some file may be made a program (chmod +x). */
  get makesProgram(): boolean {
    this.#made ??= this.#text.includes('chmod');
    return this.#made;
  }
}

/** A host by its address or its name. */
export function isHost(text: string): boolean {
  return /^\s*(?:\d{1,3}(?:\.\d{1,3}){3}|(?:[\w-]{1,63}\.){1,8}[a-z]{2,12})\s*$/i.test(
    text.slice(0, 120),
  );
}

/** name|id|date: a list of plain words, however many of them are programs too. */
function isList(text: string): boolean {
  if (text.length > LIST_LENGTH_MAX) return false;
  let words = 0;
  let programs = 0;
  let others = 0; // the ends of a regular expression around its alternatives
  const pieces = text.split(/[;|,&\n]/);
  for (const word of pieces) {
    const name = word.trim();
    if (name === '' || /^[-:= ]{1,40}$/.test(name)) continue;
    if (!/^[\w .-]{1,40}$/.test(name)) {
      others++;
      if (pieces.length < 8 * others) return false;
      continue;
    }
    words++;
    if (ALONE.has(name.toLowerCase())) programs++;
  }
  return words >= (others === 0 ? 3 : 8 * others) && programs * 2 <= words;
}
