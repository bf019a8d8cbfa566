/**
 * Calls whose function is no name but the value of an expression, as PHP and JavaScript allow:
 * ("sys"."tem")("id"), $a="system";$a("id"), array_map("system", ...), new Function("...")().
 * What stands before a parenthesis is read backwards and put together as its program would.
 */
import * as f from '../features.ts';
import type { Findings } from '../findings.ts';
import type { Subject } from '../subject.ts';

/** Calls looked at in one value, and characters of what is called. */
const CALLS_MAX = 64;
const CALLEE_LENGTH_MAX = 160;

/** Whether anything is called but by a plain name, or a function that calls others is named. */
export function mayHoldCall(words: number, { text, characters }: Subject): boolean {
  if ((words & f.WORD_CALLER) !== 0) return true;
  for (let open = text.indexOf('(', 1); open > 0; open = text.indexOf('(', open + 1))
    if (mayEndCallee(text.charCodeAt(calleeEnd(text, open) - 1), characters)) return true;
  return false;
}

export function detectCall(subject: Subject, findings: Findings): void {
  if (subject.prose || subject.document || subject.place === 'header') return;
  const { text } = subject;
  const say = (at: number, why: string): void =>
    findings.signal('code-call', subject, at, at + 80, why);
  const called = calledExpression(subject);
  if (called >= 0) return say(called, 'calls what an expression names');
  if ((subject.words & f.WORD_CALLER) === 0) return;
  const handed = handedOn(text);
  if (handed >= 0) return say(handed, 'hands on a function that runs programs');
  const made = MADE_FUNCTION.exec(text);
  if (made && !isDeclared(subject, made)) say(made.index, 'makes a program of a text');
}

/**
 * In JSON: `const load = new Function("x", "return import(x)")`, a line of a program in which nothing
 * is called, and the words within backticks.
 */
function isDeclared(subject: Subject, { index, 0: made }: RegExpExecArray): boolean {
  const { trusting, place, text } = subject;
  if (!trusting || place !== 'json' || !/^\W?new\s/.test(made)) return false;
  const end = index + made.length;
  if (made.endsWith('`') && subject.quotesCode(end - 1)) return true;
  if (/[)`]\s{0,4}[(`]$/.test(made)) return false; // called at once
  if (!DECLARES.test(text.slice(Math.max(0, index - 80), index + 1))) return false;
  return !/^[^\n]{0,200}?['"`]\s{0,4}\)\s{0,4}[(`]/.test(text.slice(end));
}

const DECLARES = /(?:\b(?:const|let|var)\s{1,4}[\w$]{1,40}\s{0,4}=|=>|\breturn)\s{0,4}$/;

/** PHP's functions that run a program or a text, and those that calls are hidden behind. */
const RUNS =
  /^\\?(?:system|exec|shell_exec|passthru|popen|proc_open|pcntl_exec|eval|assert|phpinfo|readfile|show_source|highlight_file|file_get_contents|file_put_contents|create_function|call_user_func(?:_array)?|unserialize|unlink)$/i;
/** The same called within what is called: (fn() => system("id"))(). */
const RUNS_WITHIN =
  /\b(?:system|shell_exec|passthru|proc_open|pcntl_exec|phpinfo|create_function)\s{0,4}\(\s{0,4}['"$)]/i;
/** What makes a name out of something else, and names that the client gives. */
const BUILDS =
  /\b(?:chr|hex2bin|base64_decode|strrev|str_rot13|pack|urldecode|rawurldecode|gzinflate|gzuncompress|base_convert|convert_uudecode|str_replace|substr|implode)\s{0,4}\(|['"]\s{0,4}[\^|&]\s{0,4}\(?~?['"]|^\W{0,4}~(?!\s{0,2}(?:[mqsy]\W|qr|tr|[/$]))|\$(?:_(?:GET|POST|REQUEST|COOKIE|SERVER|FILES|SESSION|ENV)|GLOBALS)\b/i;

/** Index of an expression that is called and yields such a function, -1 without one. */
function calledExpression({ text, characters }: Subject): number {
  const hasVariables = (characters & f.DOLLAR) !== 0;
  let seen = 0;
  let variables: ReadonlyMap<string, string> | undefined;
  for (let open = text.indexOf('(', 1); open > 0; open = text.indexOf('(', open + 1)) {
    const end = calleeEnd(text, open);
    const last = text.charCodeAt(end - 1);
    if (!mayEndCallee(last, characters)) continue;
    const named = hasVariables && isName(last);
    if (seen++ === CALLS_MAX) return -1;
    const start = calleeStart(text, end);
    if (start < 0 || (named && text.charCodeAt(start) !== DOLLAR)) continue;
    // `"exec" (noun)`: in words a blank stands there, in a program a semicolon ends it.
    if (end < open && !named && !(/^\W{0,8}$/.test(text.slice(0, start)) && ENDED.test(text)))
      continue;
    let callee = text.slice(start, end);
    // $f($_POST[0])
    if (text.charCodeAt(start) === DOLLAR && GIVEN.test(text.slice(open + 1, open + 24)))
      return start;
    if (callee.includes('$')) {
      variables ??= assigned(text);
      callee = substituted(callee, variables);
    }
    if (LINK.test(callee)) continue;
    if (yieldsFunction(callee) || RUNS_WITHIN.test(callee)) return start;
  }
  return -1;
}

/** `[name](#place)` of Markdown: a list of one is no function, in PHP or JavaScript. */
const LINK = /^\[[^[\],]*\]$/;

/** Where what is called ends before its parenthesis: a few blanks may stand between. */
function calleeEnd(text: string, open: number): number {
  let end = open;
  while (end > 0 && open - end < 4 && text.charCodeAt(end - 1) <= 32) end--;
  return end;
}

/** ) ] } " ', or the name of a variable */
function mayEndCallee(last: number, characters: number): boolean {
  if (last === 41 || last === 93 || last === 125 || last === 34 || last === 39) return true;
  return (characters & f.DOLLAR) !== 0 && isName(last);
}

/** What the client gives is handed to what a variable names. */
const GIVEN = /^[\s@(]{0,4}\$_(?:GET|POST|REQUEST|COOKIE)\b/;

const DOLLAR = 36;
const ENDED = /;\W{0,8}$/;

/** Whether an expression comes to the name of a function that runs programs. */
function yieldsFunction(expression: string): boolean {
  if (BUILDS.test(expression) || isFunction(expression)) return true;
  // ["system", "id"][0], (0, eval): one of them
  return /[[,]/.test(expression) && expression.split(/[[\],]/, 16).some(isFunction);
}

/** Strings and constants put together as the dot of PHP does, or the plus of JavaScript. */
function isFunction(expression: string): boolean {
  return RUNS.test(expression.replace(/["'()\s.+@;{}$]+/g, ''));
}

const ASSIGNMENTS_MAX = 16;

/** What PHP's variables hold, as expressions without variables: $a = "sys"; $a .= "tem"; */
function assigned(text: string): ReadonlyMap<string, string> {
  const variables = new Map<string, string>();
  let seen = 0;
  for (const [, name, more, value] of text.matchAll(ASSIGNMENT)) {
    if (seen++ === ASSIGNMENTS_MAX) break;
    const before = more === '.' ? (variables.get(name!) ?? '') : '';
    variables.set(name!, before + substituted(value!, variables));
  }
  return variables;
}

const ASSIGNMENT =
  /\$\{?['"]?([A-Za-z_]\w{0,40})['"]?\}?(?:\[[^\]]{0,40}\])?\s{0,4}(\.?)=(?![=>])\s{0,4}([^;}\n]{1,160})[;}]/g;

function substituted(expression: string, variables: ReadonlyMap<string, string>): string {
  return expression
    .replace(/\$\{?['"]?([A-Za-z_]\w{0,40})['"]?\}?/g, (it, name) => variables.get(name) ?? it)
    .slice(0, CALLEE_LENGTH_MAX);
}

/** Index of a function that calls another by its name, given one that runs programs; -1 without. */
function handedOn(text: string): number {
  let seen = 0;
  for (const found of text.matchAll(CALLBACK)) {
    if (seen++ === CALLS_MAX) return -1;
    const start = found.index + found[0].length;
    const [handed] = text.slice(start, start + CALLEE_LENGTH_MAX).split(';', 1);
    if (
      BUILDS.test(handed!) ||
      RUNS_WITHIN.test(handed!) ||
      handed!.split(/[[\],=>)]/, 16).some(isFunction)
    )
      return found.index;
  }
  return EVALUATED_PATTERN.exec(text)?.index ?? -1;
}

const CALLBACK =
  /\b(?:array_(?:map|filter|walk|walk_recursive|reduce|u?(?:diff|intersect)_\w{1,12}|u(?:diff|intersect))|u[ak]?sort|call_user_func(?:_array)?|forward_static_call(?:_array)?|preg_replace_callback(?:_array)?|mb_ereg_replace_callback|register_(?:shutdown|tick)_function|header_register_callback|iterator_apply|ob_start|set_(?:error|exception)_handler|spl_autoload_register|session_set_save_handler|filter_(?:var|input)(?:_array)?|fromCallable|ReflectionFunction|CallbackFilterIterator|assert_options|sqlite_create_function|xml_set_\w{4,24})\s{0,4}\(/gi;

/** preg_replace("/x/e", ...): the replacement is run. */
const EVALUATED_PATTERN =
  /\b(?:preg_replace|mb_ereg_replace)\s{0,4}\(\s{0,4}['"]([/#~@|!])[^'"]{0,80}\1[a-z]{0,6}e[a-z]{0,6}['"]\s{0,4},|\bmb_ereg_replace\s{0,4}\([^;\n]{1,200},\s{0,4}['"][imsxlp]{0,6}e[imsxlp]{0,6}['"]\s{0,4}\)/i;

/** Where the groups, strings and names begin that end at `end` and are called as one; -1: too far. */
function calleeStart(text: string, end: number): number {
  const least = Math.max(0, end - CALLEE_LENGTH_MAX);
  let depth = 0;
  let at = end - 1;
  for (; at >= least; at--) {
    const code = text.charCodeAt(at);
    if (code === 41 || code === 93 || code === 125) depth++;
    else if (code === 40 || code === 91 || code === 123) {
      if (depth === 0) break;
      depth--;
    } else if (depth === 0) {
      if (code === 34 || code === 39) {
        const open = text.slice(least, at).lastIndexOf(text[at]!);
        if (open < 0) return -1;
        at = least + open;
      } else if (!isName(code)) break;
    }
  }
  return at < least && depth > 0 ? -1 : at + 1;
}

function isName(code: number): boolean {
  const lower = code | 0x20;
  return (
    (lower >= 97 && lower <= 122) ||
    (code >= 48 && code <= 57) ||
    code === 95 ||
    code === 36 ||
    code === 92
  );
}

/** JavaScript's function of a text, under its name or as what constructs a function. */
const MADE_FUNCTION =
  /(?:^|[^\w.])new\s{1,4}(?:Async|Generator|AsyncGenerator)?Function\s{0,4}(?:\(\s{0,4}['"`]|`|\([^\n]{1,200}?\)\s{0,4}[(`])|(?:^|[^\w$])(?:(?:window|self|globalThis|global|top|parent)\s{0,2}(?:\.|\[\s{0,2}['"`]))?Function(?:['"`]\s{0,2}\])?(?:\([^\n]{1,200}?\)[(`.[]|`[^`]{1,200}`\s{0,4}[(`])|\bReflect\.(?:construct|apply)\s{0,4}\(\s{0,4}Function\b|\bconstructor(?:['"`]\s{0,2}\])?\s{0,4}(?:\(\s{0,4}(["'`])[^\n]{0,200}?\1\s{0,4}\)\s{0,4}[(`]|`[^`]{1,200}`)|(?:^|[^\w.$]|\b(?:window|self|globalThis|top|parent|frames)\.)set(?:Timeout|Interval)\s{0,4}(?:\(\s{0,4}["'`]|`[^`]{0,200}[(=.\\$])/;
