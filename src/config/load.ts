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
import { isAlias, isMap, isSeq, type Node, visit } from 'yaml';
import type { z } from 'zod';
import { runChecks, type Surroundings } from './checks.ts';
import { type Explained, explainIssue } from './explain-issue.ts';
import type { Finding, Problem } from './problem.ts';
import { inOrder } from './render.ts';
import { configSchema, type Settings } from './schema.ts';
import { keyText, type Place, range, SourceText } from './source-text.ts';
import { substitute } from './substitute.ts';
import {
  encodingProblem,
  indentationProblems,
  markProblems,
  nestingProblem,
  syntaxProblems,
  typographyProblems,
} from './syntax.ts';
import { changesWidth, plainInPlace } from './typography.ts';
import { getAt } from './value-path.ts';
import {
  describe,
  formatPath,
  isMap as isMapKind,
  isSection,
  type Path,
  schemaAt,
} from './walk.ts';

export interface LoadOptions {
  /** Shown in messages. */
  file: string;
  /** Relative paths of other files count from here. Left out: the folder of `file`. */
  folder?: string;
  env: Readonly<Record<string, string | undefined>>;
  /** Left out: the files that the settings name are not looked at. */
  surroundings?: Surroundings;
  /**
   * Problems before this change. What is wrong with a file and was wrong already, as a certificate
   * that has expired in use, is only warned of: it must not keep anyone from changing other things.
   */
  before?: readonly Problem[];
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
  const tooDeep = nestingProblem(options.file, text);
  if (tooDeep !== undefined) return outcome([tooDeep], []);
  const source = new SourceText(options.file, text, plainInPlace(text));
  const unreadable = encodingProblem(source);
  if (unreadable !== undefined) return outcome([unreadable], []);
  const problems: Problem[] = typographyProblems(source);
  const odd = new Set(problems.map(({ line }) => line));
  const wide = new Set(
    problems.filter(({ message }) => /^a full-width mark/.test(message)).map(({ line }) => line),
  );
  // What the parser makes of a line with such characters is only their echo.
  const isAligned = !changesWidth(text);
  problems.push(...syntaxProblems(source).filter(({ line }) => isAligned && !odd.has(line)));
  const lost = indentationProblems(source);
  if (lost.length > 0) return outcome([...typographyProblems(source), ...lost], []);
  if (source.document.errors.length > 0) return outcome(problems, []);

  const marks = markProblems(source);
  if (marks.length > 0) return outcome([...problems, ...marks], []);

  const root = source.document.contents;
  const shape = root === null ? emptyFile(source) : isMap(root) ? undefined : notASection(source);
  if (shape !== undefined) return outcome([...problems, shape], []);

  const refused: Path[] = [];
  const { missing, newlines } = substitute(source.document, options.env);
  for (const { offset, length, message, help } of missing) {
    problems.push(
      source.problem({ severity: 'error', path: [], message, help }, { offset, length }),
    );
  }
  problems.push(...keyProblems(source, root as Node, refused));
  const told = new Set(problems.map(placeOf));

  const value = unfold(source);
  if (value === undefined) return outcome([...problems, endless(source)], []);
  const raw = withoutEmptySections(value);
  const whole = configSchema.safeParse(raw);
  const found = whole.success ? [] : explained(whole.error, raw);
  for (const finding of [...found, ...underWhatWasMeant(raw, found)]) {
    refused.push(finding.path, ...(finding.meant ?? []));
    const place = source.place(finding.path, finding.aboutKey ? 'key' : 'value');
    const variable = newlines.get(place.offset);
    if (variable !== undefined) finding.help = withoutNewline(variable);
    const problem = source.problem(finding, place);
    if (told.has(placeOf(problem)) || wide.has(problem.line)) continue;
    told.add(placeOf(problem));
    problems.push(problem);
  }

  const settings = whole.success ? whole.data : settleRest(raw, found, refused);
  const warnings: Problem[] = [];
  if (settings !== undefined) {
    resolvePaths(settings, configSchema, options.folder ?? dirname(options.file));
    const context = {
      settings,
      written: (path: Path) => source.has(path),
      surroundings: options.surroundings,
    };
    const faultsBefore = new Set(options.before?.map(({ fileFault }) => fileFault));
    for (const finding of runChecks(context)) {
      if (finding.looksAt.some((path) => refused.some((other) => touches(path, other)))) continue;
      if (finding.fileFault !== undefined && faultsBefore.has(finding.fileFault)) {
        finding.severity = 'warning';
      }
      const problem = source.problem(finding);
      (finding.severity === 'error' ? problems : warnings).push(problem);
    }
  }
  return outcome(problems, warnings, settings);
}

/** Most variables with a newline at their end were read from a file. */
function withoutNewline(variable: string): string {
  return `the environment variable ${variable} ends in a newline: set it without one, for example ${variable}="$(cat FILE)"`;
}

function outcome(problems: Problem[], warnings: Problem[], settings?: Settings): Loaded {
  const sorted = { problems: inOrder(problems), warnings: inOrder(warnings) };
  return problems.length === 0 && settings !== undefined ? { settings, ...sorted } : sorted;
}

function emptyFile(source: SourceText): Problem {
  return source.problem({
    severity: 'error',
    path: [],
    message: 'the file is empty',
    expected: 'a section load_balancing',
    help: 'openclaw init writes one to start with',
  });
}

function notASection(source: SourceText): Problem {
  const root = source.document.contents as Node;
  return source.problem(
    {
      severity: 'error',
      path: [],
      message: isSeq(root) ? 'the file is a list' : 'the file is one text',
      expected: 'sections: load_balancing, admin, log',
      help: isOfAnother(source.text)
        ? 'this reads like a configuration of nginx, HAProxy or Caddy; openclaw init writes one to start with'
        : 'start with a line "load_balancing:" and indent what follows',
    },
    { offset: range(root).offset, length: 1 },
  );
}

function isOfAnother(text: string): boolean {
  return /^\s*(upstream|server|http|events|location|global|defaults|frontend|backend|listen)\b[^:\n]*$|\breverse_proxy\b/m.test(
    text,
  );
}

/** The tree as plain values; undefined where its references have no end, or next to none. */
function unfold(source: SourceText): Record<string, unknown> | undefined {
  try {
    const value = source.document.toJS() as Record<string, unknown>;
    JSON.stringify(value);
    return value;
  } catch {
    return undefined;
  }
}

function endless(source: SourceText): Problem {
  let place: Place | undefined;
  visit(source.document, {
    Alias(_, alias) {
      place = range(alias);
      return visit.BREAK;
    },
  });
  const finding: Finding = {
    severity: 'error',
    path: [],
    message: 'the file has too many references (&name and *name)',
    help: 'write the values out',
  };
  return source.problem(finding, place);
}

/** Names given twice, and names that are no text. What is refused is added to `refused`. */
function keyProblems(source: SourceText, root: Node, refused: Path[]): Problem[] {
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
              help: `the first is on line ${source.lineOf(before.offset)}; keep one of them`,
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
    message: 'expected a name, found a list or a section',
    help: 'put a value that starts with { or [ in quotes; fill in "{{ ... }}" of a template',
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

/** More of what is wrong: below misspelt names, as if they were written as they were meant. */
function underWhatWasMeant(raw: unknown, found: readonly Explained[]): Explained[] {
  const mended = structuredClone(raw);
  const renamed: { written: Path; meant: Path }[] = [];
  for (const { aboutKey, path, meant } of found) {
    const [only, ...others] = meant ?? [];
    if (!aboutKey || only?.length !== path.length || others.length > 0) continue;
    const holder = getAt(mended, path.slice(0, -1)) as Record<string, unknown> | undefined;
    const [from, to] = [String(path.at(-1)), String(only.at(-1))];
    if (holder === undefined || !Object.hasOwn(holder, from) || Object.hasOwn(holder, to)) continue;
    holder[to] = holder[from];
    delete holder[from];
    renamed.push({ written: path, meant: only });
  }
  if (renamed.length === 0) return [];
  const { error } = configSchema.safeParse(mended);
  if (error === undefined) return [];
  return explained(error, mended).flatMap((finding) => {
    const below = renamed.find(({ meant }) =>
      meant.every((key, depth) => finding.path[depth] === key),
    );
    if (below === undefined) return [];
    return [{ ...finding, path: [...below.written, ...finding.path.slice(below.meant.length)] }];
  });
}

function explained({ issues }: z.ZodError, raw: unknown): Explained[] {
  return issues.flatMap((issue) => explainIssue(issue, raw));
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
    const { data, error } = configSchema.safeParse(rest);
    if (error === undefined) return data;
    refused = explained(error, rest);
  }
  return undefined;
}

/**
 * Takes out a value; where it was missing, what misses it. Gives back the list that lost an item,
 * whose other items no longer stand where the file has them.
 */
function takeOut(root: unknown, path: Path): Path | undefined {
  for (let depth = path.length; depth > 0; depth--) {
    const holder = getAt(root, path.slice(0, depth - 1));
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

function placeOf({ line, column }: Problem): string {
  return `${line}:${column}`;
}

function resolvePaths(value: unknown, node: z.core.$ZodType | undefined, folder: string): void {
  if (typeof value !== 'object' || value === null || node === undefined) return;
  for (const [key, inner] of Object.entries(value)) {
    const own = schemaAt([key], node);
    if (typeof inner !== 'string') resolvePaths(inner, own, folder);
    else if (own !== undefined && describe(own).kind === 'path') {
      (value as Record<string, unknown>)[key] = resolve(folder, inner);
    }
  }
}
