/** Problems of the text itself, before it has a meaning. */
import { isAlias, isScalar, visit, type YAMLParseError } from 'yaml';
import { hasLostIndentation, restoreIndentation } from './indentation.ts';
import type { Finding, Problem } from './problem.ts';
import type { Source } from './source.ts';
import { findTypography, fixTypography } from './typography.ts';

/** What a web page did to the text. */
export function typographyProblems(source: Source): Problem[] {
  const oddities = findTypography(source.text);
  return oddities.map((oddity, index) => {
    const finding: Finding = {
      severity: 'error',
      path: [],
      message: `${oddity.what}, as web pages make them, where plain characters are needed`,
      help: oddity.instead,
    };
    if (index === oddities.length - 1) {
      finding.help += `; or mend them all: openclaw config import --fix-typography --file ${source.file}`;
    }
    return source.problem(finding, oddity);
  });
}

/** Where every line begins in the first column, all else would only be the echo of that. */
export function indentationProblems(source: Source): Problem[] {
  const plain = fixTypography(source.text, true);
  if (!hasLostIndentation(plain)) return [];
  const { doubts } = restoreIndentation(plain);
  const first = /^(?![^\S\n]*(?:#|\n|$))/m.exec(plain)?.index ?? 0;
  const at = (offset: number) => ({ offset, length: 1 });
  const lost: Finding = {
    severity: 'error',
    path: [],
    message: 'the indentation is lost: every line begins in the first column',
    help:
      doubts.length === 0
        ? `openclaw config import --fix-typography --file ${source.file} restores it`
        : 'indent what belongs to a section by two spaces more than its name',
  };
  return [
    source.problem(lost, at(source.offsetOf(plain.slice(0, first).split('\n').length))),
    ...doubts.map(({ line, why }) =>
      source.problem(
        {
          severity: 'error',
          path: [],
          message: `without indentation nobody can tell where this belongs: ${why}`,
          help: 'indent it by hand, below the section that it belongs to',
        },
        at(source.offsetOf(line)),
      ),
    ),
  ];
}

/** Tabs that indent, told once however many there are. */
function tabProblems(source: Source): Problem[] {
  const tabs = [...source.text.matchAll(/^ *(\t+)/gm)].filter(
    (match) => !/^\s*(#|$)/.test(source.text.slice(match.index).split('\n', 1)[0]!),
  );
  const first = tabs[0];
  if (first === undefined || source.document.errors.length === 0) return [];
  const more = tabs.length === 1 ? '' : `, here and on ${tabs.length - 1} more`;
  const offset = first.index + first[0].length - first[1]!.length;
  return [
    source.problem(
      {
        severity: 'error',
        path: [],
        message: `a tab indents this line${more}; YAML takes spaces only`,
        help: 'replace each tab by two spaces',
      },
      { offset, length: first[1]!.length },
    ),
  ];
}

/**
 * Values that begin with a mark of YAML and are meant as they are: `*.example.com`, `&x`, `!x`.
 * A reference to what is named nowhere, a name for nothing, a type that nobody knows.
 */
export function markProblems(source: Source): Problem[] {
  const problems: Problem[] = [];
  const tell = (offset: number, what: string) => {
    const mark = /^[^\s,\]}]*/.exec(source.plain.slice(offset))![0];
    const message = `a value that begins with ${mark.charAt(0)} is ${what} in YAML`;
    const help = `put it in quotes: "${mark}"`;
    const place = { offset, length: Math.max(1, mark.length) };
    problems.push(source.problem({ severity: 'error', path: [], message, help }, place));
  };
  visit(source.document, {
    Node(_, node) {
      const start = node.range?.[0] ?? 0;
      if (isAlias(node)) {
        if (node.resolve(source.document) === undefined) tell(start, 'a reference');
      } else if (isScalar(node) && node.value === null && node.anchor !== undefined) {
        tell(source.plain.lastIndexOf(`&${node.anchor}`, start), 'a name for what follows');
      } else if (isScalar(node) && /^![^!]/.test(node.tag ?? '')) {
        tell(source.plain.lastIndexOf(node.tag!, start), 'a type');
      }
    },
  });
  return problems;
}

/** What the parser refuses, one problem a line. */
export function syntaxProblems(source: Source): Problem[] {
  const tabs = tabProblems(source);
  if (tabs.length > 0) return tabs;
  const { errors } = source.document;
  const open = errors.length === 0 ? undefined : unclosedBracket(source.plain);
  const seen = new Set<number>();
  // The parser stops to make sense of the text at a bracket that nothing opened.
  const stray = errors.findIndex(({ message }) => STRAY_BRACKET.test(message));
  const problems = errors.slice(0, stray === -1 ? undefined : stray + 1).flatMap((error) => {
    const line = source.lineOf(error.pos[0]);
    if (seen.has(line) || (open !== undefined && error.pos[0] >= open)) return [];
    seen.add(line);
    return [syntaxProblem(source, error)];
  });
  if (open === undefined) return problems;
  const bracket = source.plain[open]!;
  const message = `a bracket ${bracket} is opened here and never closed`;
  const help = `close it: ${bracket === '[' ? ']' : '}'}`;
  const finding: Finding = { severity: 'error', path: [], message, help };
  return [...problems, source.problem(finding, { offset: open, length: 1 })];
}

/**
 * Where a bracket stands that nothing closes: the text ends, or another key begins no further in
 * than its own line. What stands in quotes, comments and plain words is no bracket.
 */
function unclosedBracket(text: string): number | undefined {
  const open: { at: number; indent: number }[] = [];
  let lineStart = 0;
  for (const line of text.split('\n')) {
    const indent = /^ */.exec(line)![0].length;
    const isKey = /^ *(- +)?["']?[\w-]+["']?:(\s|$)/.test(line);
    if (open.length > 0 && isKey && indent <= open[0]!.indent) return open.at(-1)!.at;
    for (const { 0: token, index } of line.matchAll(TOKENS)) {
      if (token.startsWith('#')) break;
      const mark = token.at(-1)!;
      const at = lineStart + index + token.length - 1;
      if (token.length > 1 && /^["']/.test(token)) continue;
      if (mark === '[' || mark === '{') {
        const isValue = open.length > 0 || /(^|[:-]) *$/.test(line.slice(0, at - lineStart));
        if (isValue) open.push({ at, indent });
      } else if (open.length > 0) {
        const last = open.at(-1)!;
        if ((text[last.at] === '[') !== (mark === ']')) return last.at;
        open.pop();
      }
    }
    lineStart += line.length + 1;
  }
  return open.at(-1)?.at;
}

const STRAY_BRACKET = /unexpected flow-(seq|map)-end/i;
/** Texts in quotes, comments, brackets. */
const TOKENS = /"(?:[^"\\]|\\.)*"|'[^']*'|(?<=^|\s)#.*|[[\]{}]/g;

function syntaxProblem(source: Source, error: YAMLParseError): Problem {
  const [start, end] = error.pos;
  const line = (source.plain.split('\n')[source.lineOf(start) - 1] ?? '').replace(/\r$/, '');
  const [message, help] = syntaxWords(error, line);
  const finding: Finding = { severity: 'error', path: [], message, help };
  const opened = error.code === 'MISSING_CHAR' ? source.openedBefore(start) : undefined;
  const blank = /^\s*/.exec(source.text.slice(start, start + 200))![0].length;
  const offset =
    opened ?? (source.text.slice(start, start + blank).includes('\n') ? start : start + blank);
  return source.problem(finding, { offset, length: opened === undefined ? end - offset : 1 });
}

function syntaxWords(error: YAMLParseError, line: string): [message: string, help?: string] {
  const bracketed = /\[[0-9a-fA-F:.]+\]:\d+/.exec(line)?.[0];
  if (bracketed !== undefined) {
    return ['an address in brackets reads like a list', `put it in quotes: "${bracketed}"`];
  }
  if (/^(<{7}|={7}|>{7})( |$)/.test(line)) {
    return [
      'a merge was not finished here',
      'keep one of the two sides, and delete the lines with <<<<<<<, ======= and >>>>>>>',
    ];
  }
  if (/\{\{.*\}\}/.test(line)) {
    return ['a placeholder of a template was not filled in', 'put its value here, without {{ }}'];
  }
  if (/[[{,][^\]}]*\$\{/.test(line)) {
    // biome-ignore lint/suspicious/noTemplateCurlyInString: this is what the operator writes
    return ['a reference to the environment within [ ] or { } needs quotes', 'write "${NAME}"'];
  }
  const joined = /^\s*(?:- )?([A-Za-z_][\w-]*):([^\s:].*)$/.exec(line);
  const isJoined = error.code !== 'MISSING_CHAR' || /implicit map key/i.test(error.message);
  if (joined !== null && isJoined) {
    return ['a space is missing after the colon', `write "${joined[1]}: ${joined[2]}"`];
  }
  if (STRAY_BRACKET.test(error.message)) {
    return ['a bracket is closed here that was never opened', 'take it out, or open it before'];
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
  switch (error.code) {
    case 'BAD_INDENT':
    case 'BAD_COLLECTION_TYPE':
      return ['the indentation does not fit the lines above', 'align it with its neighbours'];
    case 'BLOCK_AS_IMPLICIT_KEY':
    case 'MULTILINE_IMPLICIT_KEY':
      return [
        'this line does not fit here',
        'check the indentation, and the colon or quote of the line above',
      ];
    case 'TAB_AS_INDENT':
      return ['a tab stands where only spaces may', 'replace it by spaces'];
    case 'MISSING_CHAR':
      if (/quote/i.test(error.message))
        return ['a quote is opened here and never closed', 'close it on the same line'];
      return ['something is missing here', lowerFirst(error.message)];
    case 'BAD_ALIAS':
      return ['a value that begins with a star is a reference in YAML', 'put it in quotes'];
    case 'BAD_SCALAR_START':
      return ['a value cannot begin with this character', 'put it in quotes'];
    case 'MULTIPLE_DOCS':
      return ['a second document begins here', 'take out the line with "---"'];
    default:
      return [`this is not YAML: ${lowerFirst(error.message)}`];
  }
}

function lowerFirst(text: string): string {
  return text.charAt(0).toLowerCase() + text.slice(1);
}
