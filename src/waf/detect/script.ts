/** What tells a piece of JavaScript from prose: a call, an assignment to a browser's object. */

/** How far a piece of script is looked at: what it does shows at its beginning. */
const SCRIPT_LENGTH_MAX = 256;

/** Functions and objects a payload reaches for first. */
const SINKS = new Set([
  'alert',
  'confirm',
  'prompt',
  'eval',
  'fetch',
  'settimeout',
  'setinterval',
  'function',
  'atob',
  'open',
  'print',
  'import',
  'xmlhttprequest',
  'importscripts',
  'execscript',
  'write',
  'writeln',
  'navigator',
  'document',
  'window',
  'location',
  'self',
  'top',
  'parent',
  'globalthis',
  'frames',
  'this',
  'constructor',
  'string',
  'reflect',
  '$',
  'jquery',
  'sendbeacon',
  'eval',
  'history',
  'localstorage',
  'sessionstorage',
  'console',
  'throw',
  'new',
  'with',
  'url',
]);

/** Calls that are worth an attack by themselves. */
const SINK_CALLS = new Set([
  'alert',
  'confirm',
  'prompt',
  'eval',
  'fetch',
  'settimeout',
  'setinterval',
  'atob',
  'import',
  'importscripts',
  'execscript',
  'write',
  'writeln',
  'function',
  'print',
  'open',
  'sendbeacon',
  'getscript',
  'assign',
  'replace',
  'constructor',
  'call',
  'apply',
  'fromcharcode',
  'log',
  'error',
  'image',
  'xmlhttprequest',
  'websocket',
  'eventsource',
]);

/** Whether the text that begins at `from` runs something when it is taken as JavaScript. */
export function runsScript(text: string, from: number, to = text.length): boolean {
  const end = Math.min(to, from + SCRIPT_LENGTH_MAX);
  let letters = 0;
  for (let at = from; at < end; at++) {
    const code = text.charCodeAt(at);
    if (isNamePart(code)) {
      letters++;
      continue;
    }
    // A name or a closing bracket, then at once a parenthesis or a template string: a call.
    const callable = letters > 0 || (at > from && ')]'.includes(text[at - 1]!));
    if ((code === 40 || code === 96) && callable) return true;
    if (code === 61 && letters > 0 && text.charCodeAt(at + 1) !== 61) return true;
    // a [b] (c): access by a computed name, then a call or an assignment
    if (code === 91 && letters > 0) {
      const name = text.slice(at - letters, at).toLowerCase();
      if (SINKS.has(name)) return true;
    }
    if (code === 40 && text.charCodeAt(at + 1) === 40) return true; // ((x)=>...)
    letters = 0;
  }
  return false;
}

/**
 * Whether a browser's own function is called, or its page or cookies are taken, between `from` and
 * `to`: what an injected script does, whatever the syntax it hides in.
 */
export function reachesBrowser(text: string, from: number, to = text.length): boolean {
  const end = Math.min(to, from + SCRIPT_LENGTH_MAX);
  let start = -1;
  for (let at = from; at <= end; at++) {
    const code = at < end ? text.charCodeAt(at) : 32;
    if (isNamePart(code)) {
      if (start < 0) start = at;
      continue;
    }
    if (start >= 0) {
      const word = text.slice(start, at).toLowerCase();
      let next = code;
      let skip = at;
      while (skip < end && (next === 32 || next === 41)) next = text.charCodeAt(++skip);
      if ((next === 40 || code === 96) && SINK_CALLS.has(word)) return true;
      if ((word === 'document' || word === 'window') && (code === 46 || code === 91)) return true;
      if (word === 'location' && (code === 61 || code === 46)) return true;
      if (
        (word === 'self' ||
          word === 'top' ||
          word === 'parent' ||
          word === 'globalthis' ||
          word === 'frames') &&
        code === 91
      )
        return true;
    }
    start = -1;
  }
  return false;
}

/** Nothing but []()!+ and their like, at length: JSFuck and its kin. */
export function isSymbolScript(text: string): boolean {
  if (text.length < 24) return false;
  let calls = 0;
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at);
    if (!'[]()!+{}$_=~;,."\\ '.includes(text[at]!)) return false;
    if (code === 91) calls++;
  }
  return calls >= 6;
}

export function isNamePart(code: number): boolean {
  const lower = code | 0x20;
  return (lower >= 97 && lower <= 122) || (code >= 48 && code <= 57) || code === 95 || code === 36;
}
