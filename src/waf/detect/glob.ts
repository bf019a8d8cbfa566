/** Wildcards of a shell in a path: `/???/c?t /e*c/p?sswd` names what it does not spell. */

/** What an evader names by wildcards: the secrets first, then the programs that read or call out. */
const NAMED = (
  'etc/passwd etc/shadow etc/hosts etc/group proc/self/environ bin/cat bin/ls bin/sh bin/bash bin/nc bin/id ' +
  'bin/ping bin/uname bin/echo bin/sleep bin/rm bin/cp bin/base64 usr/bin/id usr/bin/whoami usr/bin/curl ' +
  'usr/bin/wget usr/bin/nc usr/bin/head usr/bin/tail usr/bin/env usr/bin/tac usr/bin/xxd usr/bin/python ' +
  'usr/bin/python3 usr/bin/perl usr/bin/php usr/bin/base64 usr/bin/uname usr/bin/cat'
)
  .split(' ')
  .map((path) => path.split('/'));

const WORD_LENGTH_MAX = 40;
/** Paths looked at in one value. */
const WORDS_MAX = 32;

/** Index of a path whose wildcards fit a secret or a program, -1 when there is none. */
export function namedByWildcards(text: string): number {
  let at = text.indexOf('/');
  for (let seen = 0; at >= 0 && seen < WORDS_MAX; seen++) {
    let end = at;
    while (end < text.length && end - at <= WORD_LENGTH_MAX && isPathPart(text.charCodeAt(end)))
      end++;
    const starts = at === 0 || ' \t\n;|&`(=+<,{'.includes(text[at - 1]!);
    if (starts && end - at <= WORD_LENGTH_MAX && fits(text.slice(at + 1, end))) return at;
    at = text.indexOf('/', Math.max(end, at + 1));
  }
  return -1;
}

function fits(word: string): boolean {
  // Two stars are one, and more than two in a name are no spelling of anything.
  const parts = word.replace(/\*{2,}/g, '*').split('/');
  if (parts.some((part) => part.split('*').length > 3)) return false;
  if (parts.length < 2 || parts.length > 3) return false;
  // A star alone is a pattern of routes; each part must say something of what it stands for.
  if (!/[?*[]/.test(word) || parts.some((part) => /^\**$/.test(part))) return false;
  return NAMED.some(
    (path) => path.length === parts.length && parts.every((part, at) => matches(part, path[at]!)),
  );
}

/** `?` one character, `*` any, `[...]` one: both sides are short. */
function matches(pattern: string, name: string, from = 0, at = 0): boolean {
  while (from < pattern.length) {
    const kind = pattern[from]!;
    if (kind === '*') {
      for (let next = at; next <= name.length; next++)
        if (matches(pattern, name, from + 1, next)) return true;
      return false;
    }
    if (at === name.length) return false;
    if (kind === '[') {
      const close = pattern.indexOf(']', from);
      if (close < 0) return false;
      from = close;
    } else if (kind !== '?' && kind.toLowerCase() !== name[at]) return false;
    from++;
    at++;
  }
  return at === name.length;
}

function isPathPart(code: number): boolean {
  const lower = code | 0x20;
  return (
    (lower >= 97 && lower <= 122) ||
    (code >= 48 && code <= 57) ||
    code === 47 ||
    code === 63 ||
    code === 42 ||
    code === 91 ||
    code === 93 ||
    code === 46 ||
    code === 45
  );
}
