/**
 * Changes of one value in the text of a configuration. The smallest change of the text that does
 * it is tried first, so that everything else stays as it is to the last space; it is checked
 * against the same change made in the tree, which also serves where no small change fits.
 */
import { isDeepStrictEqual } from 'node:util';
import {
  Document,
  isCollection,
  isMap,
  isScalar,
  isSeq,
  type Node,
  type Pair,
  parse,
  parseDocument,
  Scalar,
  stringify,
  type YAMLMap,
} from 'yaml';
import { keyText } from './source-text.ts';
import { describe, type Path, schemaAt } from './walk.ts';

const PARSE = { uniqueKeys: false, merge: true } as const;
const PRINT = { lineWidth: 0, flowCollectionPadding: false } as const;

/** What the file says at a path, comments included; undefined where it says nothing. */
export function getNode(text: string, path: Path): Node | undefined {
  const document = parseDocument(text, PARSE);
  return (path.length === 0 ? document.contents : document.getIn(path, true)) as Node | undefined;
}

/**
 * The text with a value at a path; missing sections are made.
 * @throws Error when the path leads through something that is no section or list
 */
export function setValue(text: string, path: Path, value: unknown): string {
  const document = parseDocument(text, PARSE);
  setInTree(document, path, value);
  return smallest(document, () => spliceSet(text, path, value));
}

/** The text without a value; a section that loses its last setting goes too. Undefined: not there. */
export function unsetValue(text: string, path: Path): string | undefined {
  const document = parseDocument(text, PARSE);
  if (!document.hasIn(path)) return undefined;
  let gone = path;
  while (gone.length > 1 && isLoneMember(document, gone)) gone = gone.slice(0, -1);
  document.deleteIn(gone);
  return smallest(document, () => spliceUnset(text, gone));
}

/**
 * A value as it is typed on a command line: where the setting is a text, an address, a duration
 * and the like it is taken as it stands, else as YAML (`200`, `true`, `[a, b]`).
 * @throws Error when it is no YAML
 */
export function readArgument(path: Path, argument: string): unknown {
  const node = schemaAt(path);
  const kind = node === undefined ? undefined : describe(node).kind;
  const literal = ['text', 'path', 'address', 'network', 'duration', 'choice', 'size'];
  if (kind !== undefined && literal.includes(kind) && argument !== '') {
    return /^\d+$/.test(argument) && kind === 'size' ? Number(argument) : argument;
  }
  if (/^\[[0-9a-f:.]+\]:\d+$/i.test(argument)) return argument;
  return parse(argument);
}

function smallest(wanted: Document, splice: () => string | undefined): string {
  const small = splice();
  if (small !== undefined) {
    const made = parseDocument(small, PARSE);
    if (made.errors.length === 0 && isDeepStrictEqual(made.toJS(), wanted.toJS())) return small;
  }
  return wanted.toString(PRINT);
}

function setInTree(document: Document, path: Path, value: unknown): void {
  if (!isCollection(document.contents)) {
    const { commentBefore, comment } = document;
    document.contents = document.createNode({}) as never;
    (document.contents as unknown as YAMLMap).flow = false;
    document.commentBefore = commentBefore ?? comment;
    document.comment = null;
  }
  for (let depth = 1; depth < path.length; depth++) {
    const at = path.slice(0, depth);
    const node = document.getIn(at, true);
    if (node === undefined || (isScalar(node) && node.value === null)) {
      document.setIn(at, document.createNode(typeof path[depth] === 'number' ? [] : {}));
    } else if (!isCollection(node)) {
      throw new Error(`${at.join('.')} is neither a section nor a list`);
    } else if (isSeq(node) && !(Number(path[depth]) <= node.items.length)) {
      throw new Error(
        `${at.join('.')} has ${node.items.length} items; the next one is [${node.items.length}]`,
      );
    }
  }
  const present = document.getIn(path, true);
  if (isScalar(present) && !isObject(value)) present.value = value;
  else document.setIn(path, document.createNode(value));
}

function isLoneMember(document: Document, path: Path): boolean {
  const holder = document.getIn(path.slice(0, -1), true);
  return isMap(holder) && holder.items.length === 1;
}

function spliceSet(text: string, path: Path, value: unknown): string | undefined {
  const document = parseDocument(text, PARSE);
  const present = document.getIn(path, true);
  if (isScalar(present) && present.range && !isObject(value)) {
    const [start, end] = present.range;
    if (start === end) return insert(text, colonBefore(text, start), ` ${print(value)}`);
    return text.slice(0, start) + print(value, present.type) + text.slice(end);
  }
  if (present !== undefined && !(isScalar(present) && present.value === null)) return undefined;
  return spliceInto(text, document, path, value);
}

/** A new member at the end of the deepest section or list that is there. */
function spliceInto(
  text: string,
  document: Document,
  path: Path,
  value: unknown,
): string | undefined {
  for (let depth = path.length - 1; depth >= 0; depth--) {
    const holder = (depth === 0 ? document.contents : document.getIn(path.slice(0, depth), true)) as
      | Node
      | undefined;
    const rest = path.slice(depth);
    if (isScalar(holder) && holder.value === null && depth > 0) {
      const key = keyNode(document, path.slice(0, depth));
      if (!key?.range) return undefined;
      const indent = columnOf(text, key.range[0]) + 2;
      return insertLines(text, key.range[1], indent, nested(rest, value));
    }
    if (isMap(holder) && !holder.flow && holder.items.length > 0) {
      const first = holder.items[0]!.key as Node;
      const indent = columnOf(text, first.range![0]);
      return insertLines(text, endOf(holder), indent, nested(rest, value));
    }
    if (isSeq(holder) && !holder.flow && holder.items.length > 0) {
      const first = (holder.items[0] as Node).range![0];
      const lineStart = text.lastIndexOf('\n', first - 1) + 1;
      const dash = text.slice(lineStart, first).lastIndexOf('-');
      if (dash === -1) return undefined;
      return insertLines(text, endOf(holder), dash, nested(rest, value));
    }
    if (holder !== undefined) return undefined;
  }
  return undefined;
}

function spliceUnset(text: string, path: Path): string | undefined {
  const document = parseDocument(text, PARSE);
  const holder = path.length === 1 ? document.contents : document.getIn(path.slice(0, -1), true);
  if (!isMap(holder) || holder.flow) return undefined;
  const pair = pairOf(holder, path.at(-1)!);
  const key = pair?.key as Node | undefined;
  if (!pair || !key?.range) return undefined;
  const start = text.lastIndexOf('\n', key.range[0] - 1) + 1;
  const end = text.indexOf('\n', endOfPair(pair));
  return text.slice(0, start) + (end === -1 ? '' : text.slice(end + 1));
}

function nested(path: Path, value: unknown): unknown {
  return path.reduceRight<unknown>(
    (inner, key) => (typeof key === 'number' ? [inner] : { [key]: inner }),
    value,
  );
}

/** Puts a block at the end of the line in which `offset` lies. */
function insertLines(text: string, offset: number, indent: number, value: unknown): string {
  const newline = text.indexOf('\n', text[offset - 1] === '\n' ? offset - 1 : offset);
  const at = newline === -1 ? text.length : newline;
  const lines = stringify(value, PRINT)
    .trimEnd()
    .split('\n')
    .map((line) => ' '.repeat(indent) + line);
  return insert(text, at, `\n${lines.join('\n')}${newline === -1 ? '\n' : ''}`);
}

/** Where the last thing of a section or list ends, comments not counted. */
function endOf(node: unknown): number {
  if (isMap(node) && !node.flow && node.items.length > 0) return endOfPair(node.items.at(-1)!);
  if (isSeq(node) && !node.flow && node.items.length > 0) return endOf(node.items.at(-1));
  return (node as Node | null)?.range?.[1] ?? 0;
}

function endOfPair(pair: Pair): number {
  const keyEnd = (pair.key as Node).range![1];
  return Math.max(keyEnd, pair.value === null ? 0 : endOf(pair.value));
}

function keyNode(document: Document, path: Path): Node | undefined {
  const holder = path.length === 1 ? document.contents : document.getIn(path.slice(0, -1), true);
  return isMap(holder) ? (pairOf(holder, path.at(-1)!)?.key as Node | undefined) : undefined;
}

function pairOf(holder: YAMLMap, key: string | number): Pair | undefined {
  return holder.items.find((pair) => keyText(pair) === String(key));
}

function print(value: unknown, type?: Scalar['type']): string {
  const scalar = new Scalar(value);
  if (typeof value === 'string' && type !== undefined && type !== null) scalar.type = type;
  return new Document(scalar).toString(PRINT).trimEnd();
}

function insert(text: string, offset: number, added: string): string {
  return text.slice(0, offset) + added + text.slice(offset);
}

function colonBefore(text: string, offset: number): number {
  return text.lastIndexOf(':', offset) + 1;
}

function columnOf(text: string, offset: number): number {
  return offset - (text.lastIndexOf('\n', offset - 1) + 1);
}

function isObject(value: unknown): boolean {
  return typeof value === 'object' && value !== null;
}
