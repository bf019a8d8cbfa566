/** A command as a shell reads it: its word, unquoted. */

const WORD_MAX = 96;

export interface Command {
  readonly name: string;
  /** Where it begins and ends in the text. */
  readonly at: number;
  readonly end: number;
  /** Quotes, backslashes or an empty expansion stood inside the word. */
  readonly disguised: boolean;
  /** It was written with the folder it lies in. */
  readonly pathed: boolean;
  /** A program of no known name, told by where it lies: ./run.sh, /tmp/a, ~/x. */
  readonly located: boolean;
}

/** The shell itself, as variables of its own name it. */
const SHELL_VARIABLE =
  /^(?:"?\$(?:SHELL|BASH|0)"?|\$\{(?:SHELL|BASH|0)[^}\s]{0,8}\}|%COMSPEC%)(?=$|[\s<;|&)`'"])/i;

/** Letters by their numbers, or cut out of a variable: $'\151\144', ${PATH:0:1} */
const SPELLED =
  /^\$(?:'\w{0,8}\\(?:x[\da-f]|[0-7]{2}|u\d)[\\\w]{0,60}'|\{\w{1,20}:\d{1,3}(?::\d{1,3})?\})/i;

/** [Net.WebClient]::new(): a call of .NET's, as PowerShell writes it. */
const NET_CALL =
  /^\[(?:(?:System|Net|IO|Text|Reflection|Diagnostics)\.[\w.]{1,60}|Convert|Environment|Activator|ScriptBlock)\]::\w/i;

/** A path that a shell takes for a program: from here, from home, or from a folder of the system. */
const PROGRAM_PATH =
  /^(?:(?:\.{1,2}|~\w{0,16})\/|\/(?:tmp|var|usr|opt|home|root|bin|sbin|dev|etc|proc|srv|mnt|media|run|data|app|lib|private|users|volumes|sdcard|system)\/|\/[\w-]{1,40}\.(?:sh|bin|elf|py|pl|out|run)$)/i;

/** A page, a picture or a text is no program, wherever it lies. */
const DATA_FILE =
  /\.(?:[jt]sx?|[cm]js|s?css|less|html?|vue|svelte|mdx?|txt|json5?|ya?ml|toml|xml|svg|png|jpe?g|gif|webp|ico|pdf|docx?|xlsx?|pptx?|[ct]sv|log|lock|map|zip|t?gz|mp[34]|woff2?|java|kt|go|rs|cs|[ch](?:pp)?|cc|swift|ipynb|proto|sql|conf|cfg|ini|env|php)$/i;

/** The same on Windows, where the name tells: C:\\x\\a.exe, \\\\host\\share\\a.bat */
const WINDOWS_PROGRAM =
  /^["']?(?:[a-z]:\\|\\\\[\w.-]{1,80}\\|\.{1,2}\\|%\w{2,20}%\\)(?:(?<=^"[^"]{0,12})[^"<>|\n]{0,120}|[\w\\.~-]{0,80})\.(?:exe|bat|cmd|ps1|com|vbs|hta|scr|msi)(?=$|[\s;|&>"'])/i;

/** A word of a shell's own before a command, or a variable set for it or to what it yields. */
const KEYWORD =
  /^(?:(?:do|then|else)\s{1,4}|if\s{1,4}(?:not\s{1,4})?(?:exist\s{1,4}\S{1,40}|[^\s=]{1,40}==[^\s=]{1,40})\s{1,4}\(?|(?:if|elif|while|until)\s{1,4}(?:!\s{1,4})?|[A-Za-z_]\w{0,30}=[^\s;|&'"]{0,40}\s{1,4}|\$\w{1,20}\s{0,3}=\s{0,3}(?=[A-Z][a-z]{1,9}-[A-Z]))(?=\S)/i;

/** Where a command reads and writes, said before its name: >/tmp/a id */
const REDIRECTION =
  /^\d?(?:[<>]&\d|&?>{1,2}\s?(?:~|\.{1,2})?\/[\w./~-]{1,60}|<\s?(?:~|\.{1,2})?\/[\w./~-]{1,60})\s{1,4}(?=[\w/])/;

const PRELUDES_MAX = 4;

/** d t e i w u $ */
const KEYWORDS_BEGIN = [100, 116, 101, 105, 119, 117, 36];

/** Whether a word stands there that may be a shell's own, or is set to something. */
function mayBeKeyword(text: string, at: number): boolean {
  const first = text.charCodeAt(at) | 0x20;
  // do, then, else, elif, if, while, until, $x = Get-...
  if (KEYWORDS_BEGIN.includes(first)) return true;
  let end = at;
  while (isNamePart(text.charCodeAt(end)) && end - at < WORD_MAX) end++;
  return text.charCodeAt(end) === 61;
}

function isNamePart(code: number): boolean {
  const lower = code | 0x20;
  return (lower >= 97 && lower <= 122) || (code >= 48 && code <= 57) || code === 95;
}

/** Reads the word at `from` as a shell would, quotes and empty expansions removed. */
export function commandAt(text: string, from: number): Command | undefined {
  let at = skipBlanks(text, from);
  while (at < text.length && '({!@'.includes(text[at]!)) at = skipBlanks(text, at + 1);
  if ('$%"'.includes(text[at] ?? ' ')) {
    const shell = SHELL_VARIABLE.exec(text.slice(at, at + 24));
    if (shell) return named('sh', at, at + shell[0].length);
  }
  const windows =
    (text[at + 1] === ':' || '\\.%\'"'.includes(text[at] ?? ' ')) &&
    WINDOWS_PROGRAM.exec(text.slice(at, at + 192));
  if (windows) return { ...named('', at, at + windows[0].length), located: true };
  if (text[at] === '[' && NET_CALL.test(text.slice(at, at + 80)))
    return { ...named('powershell', at, at), disguised: true };
  let redirected = false;
  for (let seen = 0; seen < PRELUDES_MAX; seen++) {
    const isRedirection = '<>&0123456789'.includes(text[at] ?? ' ');
    if (!isRedirection && !mayBeKeyword(text, at)) break;
    const prelude = (isRedirection ? REDIRECTION : KEYWORD).exec(text.slice(at, at + 112));
    if (!prelude) break;
    redirected ||= isRedirection;
    at += prelude[0].length;
  }
  // `; $u cat`: a variable that was never set is nothing.
  if (text.charCodeAt(at) === 36)
    at += /^\$\w{1,12}\s{1,8}/.exec(text.slice(at, at + 24))?.[0].length ?? 0;
  const start = at;
  if (text.charCodeAt(at) === 126) at++; // home
  while (at < text.length && at - start < WORD_MAX && isCommandPart(text.charCodeAt(at))) at++;
  let word = text.slice(start, at);
  let disguised = false;
  while (at < text.length && at - start < WORD_MAX) {
    const code = text.charCodeAt(at);
    if (code === 39 || code === 34) {
      disguised = true;
      at++;
    } else if (code === 92 || code === 94) {
      // \ for a shell, ^ for cmd.exe
      disguised = true;
      at++;
    } else if (code === 36) {
      if (SPELLED.test(text.slice(at, at + 80)))
        return { ...named('sh', start, at), disguised: true };
      const width = expansionWidth(text, at);
      if (width === 0) break;
      if (text.startsWith('IFS', at + 1) || text.startsWith('{IFS', at + 1)) break;
      disguised = true;
      at += width;
    } else if (code === 96 && word !== '' && /^``\w/.test(text.slice(at, at + 3))) {
      disguised = true;
      at += 2;
    } else if (isCommandPart(code)) {
      word += text[at];
      at++;
    } else break;
  }
  if (word === '') return undefined;
  const slash = word.lastIndexOf('/');
  const name = word.slice(slash + 1).toLowerCase();
  const pathed =
    (redirected && slash < 0) ||
    (slash >= 0 && /^\/(?:usr\/|local\/|s?bin\/)+$/.test(word.slice(0, slash + 1)));
  if (slash < 0 || pathed) return { name, at: start, end: at, disguised, pathed, located: false };
  if (name === '' || word.includes('//') || !PROGRAM_PATH.test(word) || DATA_FILE.test(name))
    return undefined;
  return { name, at: start, end: at, disguised, pathed, located: true };
}

function named(name: string, at: number, end: number): Command {
  return { name, at, end, disguised: false, pathed: false, located: false };
}

/** Length of an expansion that yields nothing: $@, $*, $1, ${x}, $x between letters. */
function expansionWidth(text: string, at: number): number {
  const next = text[at + 1] ?? '';
  if ('@*123456789!_-'.includes(next) && next !== '') return 2;
  if (next === "'" || next === '"') return 1; // $'id': a quoted word in bash
  if (next === '(') return text[at + 2] === ')' ? 3 : 0;
  if (next === '{') {
    const end = text.slice(at, at + 24).indexOf('}');
    return end < 0 ? 0 : end + 1;
  }
  return 0;
}

/** for %a in (...), for /f "tokens=*" %i in ('...') */
export const BATCH_LOOP =
  /(?:^|[;|&(\s])for\s{1,4}(?:\/[dflr]\s{1,4}(?:"[^"]{0,60}"\s{1,4}|[\w.:\\]{1,60}\s{1,4})?)?%{1,2}~?\w\s{1,4}in\s{0,4}\(/i;

/** A file that was made a program before: chmod +x F; F */
export function isMadeProgram(text: string, command: Command, separator: number): boolean {
  const made = MADE.exec(text.slice(Math.max(0, separator - 200), separator));
  if (!made) return false;
  const file = made[1]!.slice(made[1]!.lastIndexOf('/') + 1);
  return text.slice(command.at, command.end).endsWith(file);
}

const MADE =
  /\bchmod\s{1,4}(?:-\w{1,4}\s{1,4})?(?:[ugoa]{0,4}[+=][rwxst]{1,6}|[0-7]{3,4})\s{1,4}([\w./~-]{1,80})/;

export function skipBlanks(text: string, at: number): number {
  while (at < text.length && isBlankAt(text, at)) at++;
  return at;
}

export function isBlankAt(text: string, at: number): boolean {
  return text.charCodeAt(at) <= 32;
}

function isCommandPart(code: number): boolean {
  const lower = code | 0x20;
  return (
    (lower >= 97 && lower <= 122) ||
    (code >= 48 && code <= 57) ||
    code === 45 ||
    code === 46 ||
    code === 47 ||
    code === 95
  );
}
