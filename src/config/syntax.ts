/** Problems of the text itself, before it has a meaning. */
import { isAlias, isMap, isScalar, isSeq, visit, type YAMLParseError } from 'yaml';
import { hasLostIndentation, restoreIndentation } from './indentation.ts';
import { STRAY_BRACKET, syntaxWords } from './mistakes.ts';
import type { Finding, Problem } from './problem.ts';
import { range, SourceText } from './source-text.ts';
import { findTypography, fixTypography } from './typography.ts';

/** A file that is not text as YAML has it: saved as UTF-16, something else by mistake, from an old Mac. */
export function encodingProblem(source: SourceText): Problem | undefined {
  const at = (offset: number, message: string, help: string) =>
    source.problem({ severity: 'error', path: [], message, help }, { offset, length: 1 });
  const nul = source.text.indexOf('\0');
  if (nul !== -1) {
    const help = 'save it as UTF-8, not as "Unicode" (UTF-16), or check that it is the right file';
    return at(nul, 'there is a NUL byte here: this is not UTF-8 text', help);
  }
  const lone = /\r(?!\n)/.exec(source.text)?.index;
  if (lone === undefined || source.text.includes('\n', lone)) return undefined;
  return at(lone, 'lines end in a carriage return only', 'save it with Unix line endings (LF)');
}

/**
 * Where brackets are nested so deeply that the parser would take minutes. It is asked before that,
 * so that the text has no tree.
 */
export function nestingProblem(file: string, text: string): Problem | undefined {
  let depth = 0;
  for (const { 0: token, index } of text.matchAll(TOKENS)) {
    if (/^[\]}]/.test(token)) depth = Math.max(0, depth - 1);
    else if (/^[[{]/.test(token)) depth++;
    if (depth <= NESTING_MAX) continue;
    const finding: Finding = {
      severity: 'error',
      path: [],
      message: `brackets are nested ${NESTING_MAX} deep here`,
      help: 'close the open ones first; no setting is more than ten levels deep',
    };
    const onlyLines = new SourceText(file, text, text.replaceAll(/[^\r\n]/g, '#'));
    return onlyLines.problem(finding, { offset: index, length: 1 });
  }
  return undefined;
}

const NESTING_MAX = 100;

/** What a web page did to the text. */
export function typographyProblems(source: SourceText): Problem[] {
  const oddities = findTypography(source.text);
  return oddities.map((oddity, index) => {
    const finding: Finding = {
      severity: 'error',
      path: [],
      message: `${oddity.what}, as copied from a web page, instead of plain characters`,
      help: oddity.instead,
    };
    if (index === oddities.length - 1) {
      finding.help += `; or fix them all: openclaw config import --fix-typography --file ${source.file}`;
    }
    return source.problem(finding, oddity);
  });
}

/** Where every line begins in the first column, all else would only be the echo of that. */
export function indentationProblems(source: SourceText): Problem[] {
  const plain = fixTypography(source.text, true);
  if (!hasLostIndentation(plain)) return [];
  const { doubts } = restoreIndentation(plain);
  const first = /^(?![^\S\n]*(?:#|\n|$))/m.exec(plain)?.index ?? 0;
  const at = (offset: number) => ({ offset, length: 1 });
  const lost: Finding = {
    severity: 'error',
    path: [],
    message: 'the indentation is lost: every line starts in the first column',
    help:
      doubts.length === 0
        ? `openclaw config import --fix-typography --file ${source.file} restores it`
        : 'indent the contents of a section by two more spaces than its name',
  };
  return [
    source.problem(lost, at(source.offsetOf(plain.slice(0, first).split('\n').length))),
    ...doubts.map(({ line, why }) =>
      source.problem(
        {
          severity: 'error',
          path: [],
          message: `without indentation, it is unclear where this belongs: ${why}`,
          help: 'indent it by hand, under the section it belongs to',
        },
        at(source.offsetOf(line)),
      ),
    ),
  ];
}

/** Tabs that indent, told once however many there are. */
function tabProblems(source: SourceText): Problem[] {
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
        message: `this line is indented with a tab${more}; YAML allows only spaces`,
        help: 'replace each tab with two spaces',
      },
      { offset, length: first[1]!.length },
    ),
  ];
}

/**
 * Values that begin with a mark of YAML and are meant as they are: `*.example.com`, `&x`, `!x`.
 * A reference to what is named nowhere, a name for nothing, a type that nobody knows.
 */
export function markProblems(source: SourceText): Problem[] {
  const problems: Problem[] = [];
  const tell = (offset: number, what: string) => {
    const mark = /^[^\s,\]}]*/.exec(source.plain.slice(offset))![0];
    const message = `a value that starts with ${mark.charAt(0)} is ${what} in YAML`;
    const help =
      TAGS_OF_OTHERS.find(([tag]) => tag.test(mark))?.[1] ?? `put it in quotes: "${mark}"`;
    const place = { offset, length: Math.max(1, mark.length) };
    problems.push(source.problem({ severity: 'error', path: [], message, help }, place));
  };
  visit(source.document, {
    Pair(_, { key, value }) {
      if (!isScalar(key) || key.source !== '<<' || isMergeable(source, value)) return;
      const message = '"<<" needs a section, and this is not one';
      const help = 'write *name after it, and mark the section with &name';
      problems.push(source.problem({ severity: 'error', path: [], message, help }, range(key)));
    },
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

/** Of Home Assistant, Ansible and the like. */
const TAGS_OF_OTHERS: readonly [RegExp, string][] = [
  // biome-ignore lint/suspicious/noTemplateCurlyInString: this is what the operator writes
  [/^!(env|env_var|secret|vault)\b/i, 'environment variables are written ${NAME}'],
  [/^!include/i, 'there are no includes: write the settings here'],
];

/** A reference that leads nowhere is told by itself. */
function isMergeable(source: SourceText, value: unknown): boolean {
  const node = isAlias(value) ? (value.resolve(source.document) ?? value) : value;
  if (isSeq(node)) return node.items.every((item) => isMergeable(source, item));
  return isMap(node) || isAlias(node);
}

/** What the parser refuses, one problem a line. */
export function syntaxProblems(source: SourceText): Problem[] {
  const tabs = tabProblems(source);
  if (tabs.length > 0) return tabs;
  const { errors } = source.document;
  const open = errors.length === 0 ? undefined : unclosedBracket(source.plain);
  const seen = new Set<number>();
  const lines = source.plain.split(/\r?\n/);
  // The parser stops to make sense of the text at a bracket that nothing opened.
  const stray = errors.findIndex(({ message }) => STRAY_BRACKET.test(message));
  const problems: Problem[] = [];
  for (const error of errors.slice(0, stray === -1 ? undefined : stray + 1)) {
    const line = source.lineOf(error.pos[0]);
    if (seen.has(line) || (open !== undefined && error.pos[0] >= open)) continue;
    if (problems.length === SYNTAX_PROBLEMS_MAX) break;
    seen.add(line);
    problems.push(syntaxProblem(source, lines, error));
  }
  if (open === undefined) return problems;
  const bracket = source.plain[open]!;
  const message = `this opening bracket ${bracket} is never closed`;
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

/** Where one mistake has thousands of echoes, nobody reads them all, and each takes its time. */
const SYNTAX_PROBLEMS_MAX = 100;
/** Texts in quotes, comments, brackets. */
const TOKENS = /"(?:[^"\\\n]|\\.)*"|'[^'\n]*'|(?<=^|\s)#.*|[[\]{}]/g;

function syntaxProblem(
  source: SourceText,
  lines: readonly string[],
  error: YAMLParseError,
): Problem {
  const [start, end] = error.pos;
  const number = source.lineOf(start);
  const deeper = deeperLine(lines, number, error);
  if (deeper !== undefined) {
    const indent = /^\s*/.exec(lines[deeper - 1]!)![0].length;
    const finding: Finding = {
      severity: 'error',
      path: [],
      message: `this line is indented under line ${number}, which already has a value`,
      help: 'align the two',
    };
    return source.problem(finding, { offset: source.offsetOf(deeper) + indent, length: 1 });
  }
  const [message, help] = syntaxWords(error, lines[number - 1] ?? '');
  const finding: Finding = { severity: 'error', path: [], message, help };
  const opened = error.code === 'MISSING_CHAR' ? source.openedBefore(start) : undefined;
  const blank = /^\s*/.exec(source.text.slice(start, start + 200))![0].length;
  const offset =
    opened ?? (source.text.slice(start, start + blank).includes('\n') ? start : start + blank);
  return source.problem(finding, { offset, length: opened === undefined ? end - offset : 1 });
}

/** The next line, where `key: value` is followed by a key that is further in than it. */
function deeperLine(
  lines: readonly string[],
  number: number,
  { code }: YAMLParseError,
): number | undefined {
  if (code !== 'BLOCK_AS_IMPLICIT_KEY') return undefined;
  const indent = /^( *(?:- +)?)[\w-]+:\s+[^\s#]/.exec(lines[number - 1] ?? '')?.[1]?.length;
  if (indent === undefined) return undefined;
  const next = lines.findIndex((line, at) => at >= number && !/^\s*(#|$)/.test(line));
  const own = /^ *(?=[\w-]+:(\s|$))/.exec(lines[next] ?? '')?.[0].length;
  return own !== undefined && own > indent ? next + 1 : undefined;
}
