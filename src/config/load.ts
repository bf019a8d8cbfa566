/**
 * From the text of openclaw.yml to settings, or to everything that is wrong with it in one go.
 *
 *     text → plain characters → tree → environment → schema → combinations → settings
 *              typography      syntax    missing      issues     checks
 *
 * A text whose syntax is broken stops there, for what follows would only be its echo. Every other
 * step goes on with what the one before could make of the text.
 */
import { dirname, resolve } from 'node:path';
import { isAlias, isMap, isSeq, type Node, type YAMLParseError } from 'yaml';
import { type CheckContext, runChecks } from './checks.ts';
import { type Explained, explain } from './explain.ts';
import type { Finding, Problem } from './problem.ts';
import { inOrder } from './render.ts';
import { configSchema, type Settings } from './schema.ts';
import { keyText, type Place, range, Source } from './source.ts';
import { substitute } from './substitute.ts';
import { findTypography, plainInPlace } from './typography.ts';
import {
  describe,
  formatPath,
  isMap as isMapKind,
  isSection,
  type Path,
  schemaAt,
} from './walk.ts';

export interface LoadOptions {
  /** Shown in messages; relative paths of other files count from its folder. */
  file: string;
  env: Readonly<Record<string, string | undefined>>;
  /** Why a file that the settings name cannot be read, or undefined. Left out: not looked at. */
  fileProblem?: CheckContext['fileProblem'];
}

export interface Loaded {
  /** Absent when there are problems. */
  settings?: Settings;
  /** Errors, in the order of the file. */
  problems: Problem[];
  warnings: Problem[];
}

/** How often what was refused is taken out and the rest tried again, to check the rest too. */
const PRUNINGS_MAX = 3;

export function parseConfig(text: string, options: LoadOptions): Loaded {
  const source = new Source(options.file, text, plainInPlace(text));
  const problems: Problem[] = [
    ...typographyProblems(source),
    ...tabProblems(source),
    ...syntaxProblems(source),
  ];
  if (source.document.errors.length > 0) return outcome(problems, []);

  const root = source.document.contents;
  const shape = root === null ? emptyFile(source) : isMap(root) ? undefined : notASection(source);
  if (shape !== undefined) return outcome([...problems, shape], []);

  const refused: Path[] = [];
  for (const { offset, length, message, help } of substitute(source.document, options.env)) {
    problems.push(
      source.problem({ severity: 'error', path: [], message, help }, { offset, length }),
    );
  }
  problems.push(...keyProblems(source, root as Node, refused));

  const value = unfold(source);
  if (value === undefined) return outcome([...problems, endless(source)], []);
  const raw = withoutEmptySections(value);
  const found = issuesOf(raw);
  for (const finding of found) {
    refused.push(finding.path, ...(finding.meant ?? []));
    const place = source.place(finding.path, finding.aboutKey ? 'key' : 'value');
    const known = problems.some(({ line, column }) => isAt(source, place, line, column));
    if (!known) problems.push(source.problem(finding, place));
  }

  const settings = settleRest(raw, found, refused);
  const warnings: Problem[] = [];
  if (settings !== undefined) {
    resolvePaths(settings, options.file);
    const context = {
      settings,
      written: (path: Path) => source.has(path),
      fileProblem: options.fileProblem,
    };
    for (const finding of runChecks(context)) {
      if (finding.looksAt.some((path) => refused.some((other) => touches(path, other)))) continue;
      const problem = source.problem(finding);
      (finding.severity === 'error' ? problems : warnings).push(problem);
    }
  }
  return outcome(problems, warnings, settings);
}

function outcome(problems: Problem[], warnings: Problem[], settings?: Settings): Loaded {
  const sorted = { problems: inOrder(problems), warnings: inOrder(warnings) };
  return problems.length === 0 && settings !== undefined ? { settings, ...sorted } : sorted;
}

function typographyProblems(source: Source): Problem[] {
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

function syntaxProblems(source: Source): Problem[] {
  const { errors } = source.document;
  const tabbed = errors.some(({ code }) => code === 'TAB_AS_INDENT');
  const own = errors.filter(({ code }) => code !== 'TAB_AS_INDENT');
  if (tabbed) return [];
  const seen = new Set<number>();
  return own.flatMap((error) => {
    const line = source.lineOf(error.pos[0]);
    if (seen.has(line)) return [];
    seen.add(line);
    return [syntaxProblem(source, error)];
  });
}

function syntaxProblem(source: Source, error: YAMLParseError): Problem {
  const [start, end] = error.pos;
  const line = source.text.split('\n')[source.lineOf(start) - 1] ?? '';
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
  if (/\{\{.*\}\}/.test(line)) {
    return ['a placeholder of a template was not filled in', 'put its value here, without {{ }}'];
  }
  if (/[[{,][^\]}]*\$\{/.test(line)) {
    // biome-ignore lint/suspicious/noTemplateCurlyInString: this is what the operator writes
    return ['a reference to the environment within [ ] or { } needs quotes', 'write "${NAME}"'];
  }
  const joined = /^\s*(?:- )?([A-Za-z_][\w-]*):([^\s:].*)$/.exec(line);
  if (joined !== null && error.code !== 'MISSING_CHAR') {
    return ['a space is missing after the colon', `write "${joined[1]}: ${joined[2]}"`];
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

function emptyFile(source: Source): Problem {
  return source.problem({
    severity: 'error',
    path: [],
    message: 'the file is empty',
    expected: 'a section load_balancing',
    help: 'openclaw init writes a file to begin with',
  });
}

function notASection(source: Source): Problem {
  const root = source.document.contents as Node;
  return source.problem(
    {
      severity: 'error',
      path: [],
      message: isSeq(root) ? 'the file is a list' : 'the file is one text',
      expected: 'sections: load_balancing, admin, log',
      help: 'begin with a line "load_balancing:" and indent what follows',
    },
    { offset: range(root).offset, length: 1 },
  );
}

/** The tree as plain values; undefined where its references have no end, or next to none. */
function unfold(source: Source): Record<string, unknown> | undefined {
  try {
    const value = source.document.toJS() as Record<string, unknown>;
    JSON.stringify(value);
    return value;
  } catch {
    return undefined;
  }
}

function endless(source: Source): Problem {
  return source.problem({
    severity: 'error',
    path: [],
    message: 'the file refers to itself too often (&name and *name)',
    help: 'write the values out',
  });
}

/** Names given twice, and names that are no text. What is refused is added to `refused`. */
function keyProblems(source: Source, root: Node, refused: Path[]): Problem[] {
  const problems: Problem[] = [];
  const descend = (node: unknown, path: Path) => {
    if (isAlias(node)) return;
    if (isSeq(node))
      for (const [index, item] of node.items.entries()) descend(item, [...path, index]);
    if (!isMap(node)) return;
    const first = new Map<string, Place>();
    for (const pair of node.items) {
      const key = keyText(pair);
      const own = [...path, key];
      const place = range(pair.key as Node);
      if (isMap(pair.key) || isSeq(pair.key)) {
        refused.push(own);
        problems.push(source.problem(strangeName(own), place));
        continue;
      }
      const before = first.get(key);
      if (before !== undefined) {
        refused.push(own);
        problems.push(
          source.problem(
            {
              severity: 'error',
              path: own,
              message: `${formatPath(own)} is given twice`,
              help: `the first is on line ${source.lineOf(before.offset)}; keep one of the two`,
            },
            place,
          ),
        );
      }
      first.set(key, place);
      descend(pair.value, own);
    }
  };
  descend(root, []);
  return problems;
}

/** Mostly a placeholder of a template that was not filled in. */
function strangeName(path: Path): Finding {
  return {
    severity: 'error',
    path,
    message: 'a list or a section stands where a name is needed',
    help: 'put a value that begins with { or [ in quotes; fill in "{{ ... }}" of a template',
  };
}

/** A section whose lines are all commented out is empty, not wrong. */
function withoutEmptySections(root: Record<string, unknown>): Record<string, unknown> {
  const mend = (value: unknown, path: Path): unknown => {
    if (value === null) {
      const node = schemaAt(path);
      if (node === undefined) return null;
      if (isSection(node) || isMapKind(node)) return {};
      return describe(node).kind === 'list' ? [] : null;
    }
    if (Array.isArray(value)) return value.map((item, index) => mend(item, [...path, index]));
    if (typeof value !== 'object') return value;
    return Object.fromEntries(
      Object.entries(value).map(([key, inner]) => [key, mend(inner, [...path, key])]),
    );
  };
  return mend(root, []) as Record<string, unknown>;
}

function issuesOf(raw: unknown): Explained[] {
  const result = configSchema.safeParse(raw);
  return result.success ? [] : result.error.issues.flatMap((issue) => explain(issue, raw));
}

/** Settings from what is left when everything refused is taken out, so that checks can run. */
function settleRest(
  raw: unknown,
  findings: readonly Explained[],
  refusedPaths: Path[],
): Settings | undefined {
  const rest = structuredClone(raw);
  let refused = findings;
  for (let round = 0; round < PRUNINGS_MAX && refused.length > 0; round++) {
    for (const { path } of refused.toReversed()) {
      const shifted = takeOut(rest, path);
      if (shifted !== undefined) refusedPaths.push(shifted);
    }
    refused = issuesOf(rest);
  }
  return configSchema.safeParse(rest).data;
}

/**
 * Takes out a value; where it was missing, what misses it. Gives back the list that lost an item,
 * whose other items no longer stand where the file has them.
 */
function takeOut(root: unknown, path: Path): Path | undefined {
  for (let depth = path.length; depth > 0; depth--) {
    const holder = path
      .slice(0, depth - 1)
      .reduce<unknown>((value, key) => (value as Record<string, unknown> | undefined)?.[key], root);
    const key = path[depth - 1]!;
    if (typeof holder !== 'object' || holder === null || !Object.hasOwn(holder, key)) continue;
    if (Array.isArray(holder)) {
      holder.splice(Number(key), 1);
      return path.slice(0, depth - 1);
    }
    delete (holder as Record<string, unknown>)[key];
    return undefined;
  }
  return undefined;
}

function touches(one: Path, other: Path): boolean {
  const shorter = Math.min(one.length, other.length);
  return one.slice(0, shorter).every((key, depth) => key === other[depth]);
}

function isAt(source: Source, place: Place, line: number, column: number): boolean {
  const problem = source.problem({ severity: 'error', path: [], message: '' }, place);
  return problem.line === line && problem.column === column;
}

/** Relative paths of files count from the folder of the configuration. */
function resolvePaths(settings: Settings, file: string): void {
  const folder = dirname(file);
  const descend = (value: unknown, path: Path): void => {
    if (typeof value !== 'object' || value === null) return;
    for (const [key, inner] of Object.entries(value)) {
      const own = [...path, Array.isArray(value) ? Number(key) : key];
      if (typeof inner !== 'string') descend(inner, own);
      else if (isFilePath(own)) (value as Record<string, unknown>)[key] = resolve(folder, inner);
    }
  };
  descend(settings, []);
}

function isFilePath(path: Path): boolean {
  const node = schemaAt(path);
  return node !== undefined && describe(node).kind === 'path';
}
