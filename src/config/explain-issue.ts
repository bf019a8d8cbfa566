/** What zod found wrong, as an operator would want to be told. */
import type { z } from 'zod';
import type { IssueParams } from './kinds.ts';
import { nearest } from './nearest.ts';
import type { Finding } from './problem.ts';
import { synonymOf } from './synonyms.ts';
import { getAt } from './value-path.ts';
import {
  branches,
  branchOf,
  choicesOf,
  describe,
  formatPath,
  isMap,
  isSecret,
  isSection,
  itemOf,
  keysOf,
  literalOf,
  type Path,
  schemaAt,
  sectionsWith,
} from './walk.ts';

export interface Explained extends Finding {
  /** The finding is about the name of the setting, not its value. */
  aboutKey?: true;
  /** Settings that were perhaps meant: nothing can be said about them either. */
  meant?: readonly Path[];
}

/** A section of more is no section of this file; nobody reads them all, and each takes its time. */
const UNKNOWN_KEYS_MAX = 500;

export function explainIssue(issue: z.core.$ZodIssue, root: unknown): Explained[] {
  const path = existing(issue.path as Path, root);
  if (issue.code === 'unrecognized_keys') {
    return issue.keys
      .slice(0, UNKNOWN_KEYS_MAX)
      .map((key) => unknownKey(path, key, getAt(root, path)));
  }
  const node = schemaAt(path);
  const value = getAt(root, path);
  const about = node === undefined ? {} : describe(node);
  const params = issue.code === 'custom' ? (issue.params as IssueParams | undefined) : undefined;
  if (value === undefined) {
    return [missing(path, params?.expected ?? about.expected ?? expectation(path))];
  }
  const [reason, help] =
    value === null
      ? ['no value is given', 'set one, or remove the line to use the default']
      : reasonOf(issue, path, value);
  return [
    {
      severity: 'error',
      path,
      message: `${formatPath(path) || 'the file'}: ${reason}`,
      expected: params?.expected ?? expectation(path),
      found: isSecret(path) ? 'a secret that is not shown' : foundText(value),
      help: help ?? params?.help ?? referenceMeant(value) ?? plainMeant(path, value),
      ...(params?.aboutKey && { aboutKey: true }),
    },
  ];
}

/**
 * The part of a path that the file has. What may be written shorter (a server as its address alone)
 * is reported at the longer path, below the value that the file has.
 */
function existing(path: Path, root: unknown): Path {
  for (let depth = 0; depth < path.length; depth++) {
    const value = getAt(root, path.slice(0, depth));
    const isItem = typeof path[depth] === 'number';
    if (typeof value !== 'object' || value === null || (isItem && !Array.isArray(value))) {
      return path.slice(0, depth);
    }
  }
  return path;
}

/** `expected` of a message: the words of the kind, or what kind of collection it is. */
function expectation(path: Path): string | undefined {
  const node = schemaAt(path);
  if (node === undefined) return undefined;
  const { expected } = describe(node);
  const types = typesAt(path);
  if (types.length > 0) return `one of ${types.join(', ')}`;
  if (isSection(node) && expected === undefined) {
    return `a section with ${sample(keysOf(node))}`;
  }
  return expected;
}

function reasonOf(
  issue: z.core.$ZodIssue,
  path: Path,
  value: unknown,
): [reason: string, help?: string | undefined] {
  const node = schemaAt(path)!;
  switch (issue.code) {
    case 'custom':
      return [issue.message];
    case 'too_small':
      return issue.origin === 'array' ? ['the list is empty'] : ['the number is too small'];
    case 'too_big':
      return issue.origin === 'array'
        ? [`the list is longer than ${issue.maximum}`]
        : ['the number is too large'];
    case 'invalid_value':
    case 'invalid_union': {
      const known = choicesOf(node);
      const meant = nearest(String(value), known.length > 0 ? known : typesAt(path));
      return meant === undefined
        ? ['this is not a known value']
        : ['this is not a known value', `did you mean "${meant}"?`];
    }
    case 'invalid_type':
      return wrongType(node, value);
    default:
      return [issue.message];
  }
}

/** What the `type` at a path may be, where it says which of several sections this is. */
function typesAt(path: Path): string[] {
  const section = path.at(-1) === 'type' ? schemaAt(path.slice(0, -1)) : undefined;
  const options = section === undefined ? [] : branches(section);
  if (options.length < 2) return [];
  return options.map((option) => String(literalOf(schemaAt(['type'], option))));
}

function wrongType(
  node: z.core.$ZodType,
  value: unknown,
): [reason: string, help?: string | undefined] {
  const { kind } = describe(node);
  if (isSection(node)) {
    const help =
      typeof value === 'boolean' && keysOf(node).includes('enabled')
        ? `write "enabled: ${value}" on the line below, indented by two more spaces`
        : 'put its settings on the lines below, indented by two more spaces';
    return ['this is a section and has no value of its own', help];
  }
  if (itemOf(node) !== undefined) {
    return ['this is a list', listMeant(value)];
  }
  if (isMap(node)) return ['this is a map', 'write "name: value" on the lines below'];
  if (kind === 'boolean') return ['this is neither true nor false', booleanMeant(value)];
  if (kind === 'number' && typeof value === 'string' && /^\d+$/.test(value)) {
    return ['this is a text, not a number', `write ${value} without quotes`];
  }
  if (kind === 'number' && typeof value === 'number') return ['this is not a whole number'];
  if (kind === 'number') return ['this is not a number'];
  return ['this has the wrong type'];
}

const MARKS_AT_END =
  /[;,\])}"'\uff1b\uff0c\u3001\u3002\u201c\u201d\u2018\u2019\u300d\u300f\u300b\u3011\uff09]$/;
const MARKS_AT_BEGIN = /^[([{"'\u201c\u201d\u2018\u2019\u300c\u300e\u300a\u3010\uff08]/;

/** What other languages and other keyboards put around a value. */
function plainMeant(path: Path, value: unknown): string | undefined {
  if (typeof value !== 'string' || isSecret(path)) return undefined;
  if (/\{\{.*\}\}/.test(value)) return 'replace the template placeholder, including {{ }}';
  const comment = /\s*(?:\s(?:\/\/|;|--|\uff03)|#)/.exec(value);
  if (comment !== null && comment.index > 0) return 'comments start with a space and # in YAML';
  if (typeof path.at(-1) === 'number' && /\S\s+\S/.test(value)) {
    return 'items in [ ] are separated by commas; items on their own lines each start with "- ", at the same indentation';
  }
  const plain = value.normalize('NFKC').replaceAll('\u3002', '.');
  const trimmed = plain.replace(MARKS_AT_BEGIN, '').replace(MARKS_AT_END, '').trim();
  return trimmed === value || trimmed === '' ? undefined : `write ${clipped(trimmed)}`;
}

/** `$NAME`, as a shell takes it. */
function referenceMeant(value: unknown): string | undefined {
  const name = typeof value === 'string' ? /\$([A-Za-z_]\w*)/.exec(value)?.[1] : undefined;
  return name && `environment variables need braces: \${${name}}`;
}

/** More items than this nobody copies out of a message. */
const LISTED_MAX = 20;

function listMeant(value: unknown): string {
  if (typeof value === 'string') {
    const stuck = /^-(\S+)/.exec(value)?.[1];
    if (stuck !== undefined) return `a space is missing after the hyphen: "- ${stuck}"`;
    const items = value
      .split(/[\s,;\uff0c\uff1b\u3001()[\]\u3010\u3011\uff08\uff09]+/)
      .filter((item) => item !== '');
    if (items.length > 0 && items.length <= LISTED_MAX && value.trim() !== items[0]) {
      return `write [${items.map((item) => JSON.stringify(item)).join(', ')}]`;
    }
  }
  const first = typeof value === 'object' ? Object.values(value!)[0] : undefined;
  const example = typeof first === 'string' ? `: "- ${first}"` : '';
  return `each item goes on its own line, starting with "- "${example}`;
}

function booleanMeant(value: unknown): string | undefined {
  const word = String(value).toLowerCase();
  if (['yes', 'on', '1', 'true', 'enabled', 'y'].includes(word))
    return 'write true, without quotes';
  if (['no', 'off', '0', 'false', 'disabled', 'n'].includes(word)) {
    return 'write false, without quotes';
  }
  return undefined;
}

function missing(path: Path, expected: string | undefined): Explained {
  const section = formatPath(path.slice(0, -1));
  return {
    severity: 'error',
    path,
    message: `${section}: "${path.at(-1)}" is missing`,
    expected,
    help: `add "${path.at(-1)}: ..." here`,
    aboutKey: true,
  };
}

function unknownKey(section: Path, key: string, value: unknown): Explained {
  const node = schemaAt(section);
  const known = node === undefined ? [] : keysOf(branchOf(node, value));
  const where = section.length === 0 ? 'at the top of the file' : `in ${formatPath(section)}`;
  const synonym = synonymOf(section, key);
  const isSynonymHere = synonym?.length === section.length + 1;
  const meant =
    isSynonymHere && startsWith(synonym, section) ? String(synonym.at(-1)) : nearest(key, known);
  const sections = meant === undefined ? sectionsWith(key) : [];
  return {
    severity: 'error',
    path: [...section, key],
    message: `unknown setting "${clipped(key)}" ${where}`,
    help: meant === undefined ? elsewhere(key, sections, synonym) : `did you mean "${meant}"?`,
    ...(meant === undefined && { expected: `one of ${known.join(', ')}` }),
    aboutKey: true,
    meant:
      meant === undefined
        ? sections.map((name) => [...name.split('.'), key])
        : [[...section, meant]],
  };
}

/** Where a key of this name would be known: often only the indentation is lost. */
function elsewhere(
  key: string,
  sections: readonly string[],
  synonym: Path | undefined,
): string | undefined {
  if (/^\d+\s*[.:|)]?\s+\S/.test(key)) return 'the line numbers were copied too: remove them';
  if (synonym !== undefined) return `here that is ${formatPath(synonym)}`;
  if (sections.length === 0 || sections.length > 3) return undefined;
  return `"${key}" belongs under ${sections.join(' or ')}; check the indentation`;
}

function startsWith(path: Path, begin: Path): boolean {
  return begin.every((key, depth) => path[depth] === key);
}

function foundText(value: unknown): string {
  if (value === null) return 'nothing';
  if (Array.isArray(value)) {
    return value.length === 0 ? 'an empty list' : `a list of ${value.length}`;
  }
  if (typeof value === 'object') return `a section with ${sample(Object.keys(value))}`;
  if (typeof value !== 'string') return String(value);
  return `"${clipped(value)}"`;
}

function clipped(text: string): string {
  return text.length > 60 ? `${text.slice(0, 57)}...` : text;
}

function sample(keys: readonly string[]): string {
  if (keys.length === 0) return 'nothing in it';
  return keys.length > 4 ? `${keys.slice(0, 4).join(', ')}, ...` : keys.join(', ');
}
