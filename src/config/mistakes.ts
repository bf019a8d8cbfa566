/**
 * What people write that is not YAML, by the look of the line on which the parser gave up: the
 * parser's own words say what it expected there, and not what was meant.
 */
import type { YAMLParseError } from 'yaml';
import { configSchema } from './schema.ts';
import { keysOf, sectionsWith } from './walk.ts';

export type Words = readonly [message: string, help?: string];

/** Lines that are wrong whatever the parser says of them. */
const LINES: readonly [look: RegExp, message: string, help: string][] = [
  [
    /^(<{7}|\|{7}|={7}|>{7})( |$)/,
    'unresolved merge conflict',
    'keep one side, and delete the lines with <<<<<<<, ======= and >>>>>>>',
  ],
  [
    /^(\+\+\+ |--- \S|@@ |\+[\s\w-]*:)/,
    'this is a line of a patch',
    'apply the patch (patch -p1), or remove its headers and first column',
  ],
  [/\{\{.*\}\}/, 'a template placeholder was not replaced', 'put its value here, without {{ }}'],
  [/\{%.*%\}/, 'this is a line of a template', 'render the template first, or remove the line'],
  [/^\s*(\/\/|\/\*|;|--(?!-)|＃)/, 'comments start with # in YAML', 'write "# ..."'],
  [/^\s*<[!/a-z][^>]*>/i, 'this is HTML, not YAML', 'copy only the text of the configuration'],
  [/^\s*(\.\.\.|…)\s*$/, '"..." marks something that was left out', 'remove the line'],
  [/^\s*>\s+[\w-]+:/, 'this line is quoted as in an email', 'remove the ">" from each line'],
  [/^[$#%>❯]\s+\w+ /, 'this looks like a line from a terminal', 'remove it'],
  [
    /[[{,][^\]}]*\$\{/,
    'a reference to the environment inside [ ] or { } needs quotes',
    // biome-ignore lint/suspicious/noTemplateCurlyInString: this is what the operator writes
    'write "${NAME}"',
  ],
];

export const STRAY_BRACKET = /unexpected flow-(seq|map)-end/i;

/** @param line the one where the parser gave up, without its end */
export function syntaxWords(error: YAMLParseError, line: string): Words {
  const bracketed = /\[[0-9a-fA-F:.]+\]:\d+/.exec(line)?.[0];
  if (bracketed !== undefined) {
    return ['an address in brackets looks like a list', `put it in quotes: "${bracketed}"`];
  }
  const known = LINES.find(([look]) => look.test(line));
  if (known !== undefined) return [known[1], known[2]];
  return keyWords(error, line) ?? valueWords(error, line) ?? codeWords(error);
}

/** What is between a key and its value, or before an item. */
function keyWords(error: YAMLParseError, line: string): Words | undefined {
  const ofKey = error.code !== 'MISSING_CHAR' || /implicit map key/i.test(error.message);
  if (!ofKey) return undefined;
  const [, joined, value] = /^\s*(?:- )?([A-Za-z_][\w-]*):([^\s:=].*)$/.exec(line) ?? [];
  if (joined !== undefined) {
    return ['a space is missing after the colon', `write "${joined}: ${value}"`];
  }
  const stuck = /^\s*-([^\s-].*)$/.exec(line)?.[1];
  if (stuck !== undefined) return ['a space is missing after the hyphen', `write "- ${stuck}"`];
  const [, key, equals, rest] =
    /^\s*(?:- +)?([A-Za-z_][\w-]*)\s*(:?=)?\s*(.*?)\s*$/.exec(line) ?? [];
  if (key === undefined || /^\s*:/.test(rest!)) return undefined;
  const written = rest === '' ? `${key}:` : `${key}: ${rest}`;
  if (equals !== undefined) return ['a key is followed by a colon in YAML', `write "${written}"`];
  return isSetting(key) && !rest!.startsWith(':')
    ? [`a colon is missing after "${key}"`, `write "${written}"`]
    : undefined;
}

function isSetting(name: string): boolean {
  return sectionsWith(name).length > 0 || keysOf(configSchema).includes(name);
}

/** How a value begins, and what stands in it. */
function valueWords({ message }: YAMLParseError, line: string): Words | undefined {
  if (STRAY_BRACKET.test(message)) {
    return ['this closing bracket has no opening one', 'remove it, or open it earlier'];
  }
  if (/escape sequence/i.test(message)) {
    const what = 'a backslash inside double quotes starts an escape';
    return [what, 'put the value in single quotes, or write each backslash twice'];
  }
  const item = /^\s*(?:- +)?[\w-]+:\s+(- .*)$/.exec(line)?.[1];
  if (item !== undefined) {
    const help = `put each item on a line of its own below: "${item}"`;
    return ['a list cannot begin on the line of its name', help];
  }
  const marked = /^\s*(?:- +)?[\w-]+:\s+([*@%`|>!&?,].*?)(?:\s+#.*)?$/.exec(line)?.[1];
  if (marked !== undefined) {
    const help = `put it in quotes: "${marked.replaceAll('`', '')}"`;
    return [`a value cannot begin with ${marked.charAt(0)} in YAML`, help];
  }
  const colons = /^\s*(?:- +)?([\w-]+): +([^\s"'[{|>#][^"]*:\s.*?)(?:\s+#.*)?$/.exec(line);
  if (colons !== null) {
    const help = `put it in quotes: ${colons[1]}: "${colons[2]}"`;
    return ['a value with a colon and a space in it needs quotes', help];
  }
  if (/block collections are not allowed/i.test(message)) {
    return ['a comma is missing between two settings', 'put a comma between them'];
  }
  if (/unexpected , in flow/i.test(message)) {
    return ['there is no value before this comma', 'remove it'];
  }
  if (/scalar at node end/i.test(message) && /["']/.test(line)) {
    const help =
      'put the whole value in one pair of quotes; inside single quotes, write a quote twice';
    return ['the value continues after its closing quote', help];
  }
  return undefined;
}

function codeWords({ code, message }: YAMLParseError): Words {
  if (/call stack/i.test(message)) {
    return ['brackets or sections are nested too deeply here', 'no setting is more than ten deep'];
  }
  if (/seq-item-ind/i.test(message)) {
    const help = 'take the hyphen out, or put the item below the name of its list';
    return ['an item of a list stands among settings', help];
  }
  switch (code) {
    case 'BAD_INDENT':
    case 'BAD_COLLECTION_TYPE':
      return ['the indentation does not fit the lines above', 'align it with the lines around it'];
    case 'BLOCK_AS_IMPLICIT_KEY':
    case 'MULTILINE_IMPLICIT_KEY':
      return [
        'this line does not fit here',
        'check the indentation, and the colon or quote of the line above',
      ];
    case 'TAB_AS_INDENT':
      return ['a tab stands where only spaces may', 'replace it by spaces'];
    case 'MISSING_CHAR':
      return missingWords(message);
    case 'BAD_ALIAS':
      return ['a value that begins with a star is a reference in YAML', 'put it in quotes'];
    case 'BAD_SCALAR_START':
      return ['a value cannot begin with this character', 'put it in quotes'];
    case 'MULTIPLE_DOCS':
      return ['a second document begins here', 'take out the line with "---"'];
    default:
      return [`this is not YAML: ${lowerFirst(message)}`];
  }
}

function missingWords(message: string): Words {
  if (/quote/i.test(message)) {
    return ['this opening quote is never closed', 'close it on the same line'];
  }
  if (/implicit map key/i.test(message)) {
    return [
      'this line is not a setting: it has no colon',
      'write "name: value", or begin it with #',
    ];
  }
  if (/without - indicator/i.test(message)) {
    return [
      'this line is neither an item of the list nor part of one',
      'align it with the lines around it',
    ];
  }
  return ['something is missing here', lowerFirst(message)];
}

function lowerFirst(text: string): string {
  return text.charAt(0).toLowerCase() + text.slice(1);
}
