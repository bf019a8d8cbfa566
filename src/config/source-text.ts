/** The text of a configuration file with its tree: from a path to a place, from a place to a line. */
import {
  type Document,
  isAlias,
  isMap,
  isScalar,
  isSeq,
  LineCounter,
  type Node,
  type Pair,
  parseDocument,
  visit,
} from 'yaml';
import type { Finding, Problem } from './problem.ts';
import { describe, type Path, schemaAt } from './walk.ts';

type SchemaNode = NonNullable<ReturnType<typeof schemaAt>>;

export interface Place {
  offset: number;
  length: number;
}

export class SourceText {
  readonly file: string;
  readonly text: string;
  /** The same in plain characters, each in its place. */
  readonly plain: string;
  readonly document: Document.Parsed;
  readonly #lines = new LineCounter();
  #masked: string | undefined;

  /**
   * @param text what the file holds, for the lines that are shown
   * @param plain the same text, character for character in the same places, as it is to be parsed
   */
  constructor(file: string, text: string, plain: string = text) {
    this.file = file;
    this.text = text;
    this.plain = plain;
    this.document = parseDocument(plain, {
      lineCounter: this.#lines,
      uniqueKeys: false,
      prettyErrors: false,
      merge: true,
      logLevel: 'error',
    });
    if (this.#lines.lineStarts.length === 0) this.#lines.addNewLine(0);
  }

  /** Where a path stands: its value, its key where the value is a section, or what is nearest. */
  place(path: Path, part: 'key' | 'value' = 'value'): Place {
    let node: unknown = this.document.contents;
    let place: Place = { offset: 0, length: 1 };
    for (const [depth, key] of path.entries()) {
      const found = step(this.#resolved(node), key);
      if (found === undefined) break;
      const wanted = depth === path.length - 1 ? part : 'key';
      place = (wanted === 'value' ? scalarPlace(found.value) : undefined) ?? found.place;
      node = found.value;
    }
    return place;
  }

  /** Whether the file says something at a path. */
  has(path: Path): boolean {
    let node: unknown = this.document.contents;
    for (const key of path) {
      const found = step(this.#resolved(node), key);
      if (found === undefined) return false;
      node = found.value;
    }
    return true;
  }

  /** A finding with the place of its path, or with another. */
  problem(finding: Finding, at: Place = this.place(finding.path)): Problem {
    const offset = Math.min(at.offset, this.text.length);
    const { line, col } = this.#lines.linePos(offset);
    const start = this.#lines.lineStarts[line - 1] ?? 0;
    this.#masked ??= maskSecrets(this.text, this.document);
    const lineText = lineAt(this.#masked, start);
    const width = Math.max(1, Math.min(at.length, lineText.length - (col - 1)));
    const { severity, path, message, expected, found, help, fileFault } = finding;
    return {
      severity,
      message,
      path,
      file: this.file,
      line,
      column: col,
      width,
      lineText,
      ...(expected !== undefined && { expected }),
      ...(found !== undefined && { found }),
      ...(help !== undefined && { help }),
      ...(fileFault !== undefined && { fileFault }),
    };
  }

  /** Where the quoted scalar or the collection begins that an error at `end` says is not closed. */
  openedBefore(end: number): number | undefined {
    let opened: number | undefined;
    visit(this.document, {
      Node(_, node) {
        const [start = 0, stop = 0] = node.range ?? [];
        const quoted = isScalar(node) && /^QUOTE/.test(node.type ?? '');
        if ((quoted || isFlow(node)) && start < end && stop >= end) opened = start;
      },
    });
    return opened;
  }

  /** Where a line begins. @param line from 1 */
  offsetOf(line: number): number {
    return this.#lines.lineStarts[line - 1] ?? 0;
  }

  lineOf(offset: number): number {
    return this.#lines.linePos(offset).line;
  }

  #resolved(node: unknown): unknown {
    return isAlias(node) ? node.resolve(this.document) : node;
  }
}

interface Step {
  value: unknown;
  /** The key, or the item itself. */
  place: Place;
}

function step(node: unknown, key: string | number): Step | undefined {
  if (isSeq(node)) {
    const item = node.items[Number(key)] as Node | undefined;
    return item?.range ? { value: item, place: range(item) } : undefined;
  }
  if (!isMap(node)) return undefined;
  const pair = node.items.find((item) => keyText(item) === String(key));
  const keyNode = pair?.key as Node | undefined;
  return keyNode?.range ? { value: pair!.value, place: range(keyNode) } : undefined;
}

function isFlow(node: Node): boolean {
  return (isMap(node) || isSeq(node)) && node.flow === true;
}

function scalarPlace(node: unknown): Place | undefined {
  if (isAlias(node) && node.range) return range(node);
  if (!isScalar(node) || !node.range || node.range[0] === node.range[1]) return undefined;
  return range(node);
}

export function keyText(pair: Pair): string {
  // The tree as plain values has the key of a line that begins with a colon as an empty one.
  if (isScalar(pair.key)) return String(pair.key.value ?? '');
  try {
    return String(pair.key);
  } catch {
    // A key that is itself a section, with a reference in it that leads nowhere.
    return '?';
  }
}

export function range(node: Node): Place {
  const [start, end] = node.range!;
  return { offset: start, length: end - start };
}

function lineAt(text: string, start: number): string {
  const end = text.indexOf('\n', start);
  return text.slice(start, end === -1 ? undefined : end).replace(/\r$/, '');
}

/**
 * The text with stars in place of secrets, nothing moved. Where the tree is broken, the names of
 * the usual secrets are looked for too.
 */
function maskSecrets(text: string, document: Document): string {
  const chars = text.split('');
  const star = (start: number, end: number) => {
    if (REFERENCE_ALONE.test(text.slice(start, end))) return;
    for (let at = start; at < end; at++) if (chars[at] !== '\n') chars[at] = '*';
  };
  const descend = (node: unknown, schema: SchemaNode | undefined, around: boolean) => {
    const isSecret = around || (schema !== undefined && describe(schema).secret === true);
    if (isScalar(node)) {
      if (isSecret && node.range) star(node.range[0], node.range[1]);
    } else if (isMap(node)) {
      for (const pair of node.items) {
        const own = schema && schemaAt([keyText(pair)], schema);
        descend(pair.value, own, isSecret);
      }
    } else if (isSeq(node)) {
      const own = schema && schemaAt([0], schema);
      for (const item of node.items) descend(item, own, isSecret);
    }
  };
  descend(document.contents, schemaAt([]), false);
  for (const match of text.matchAll(
    /\b(secret|token|password|webhook)\b["']?\s*[:=]\s*([^\n#]+)/g,
  )) {
    const end = match.index + match[0].trimEnd().length;
    const start = match.index + match[0].length - match[2]!.length;
    star(start, end);
  }
  return chars.join('');
}

/** A name is no secret; a default behind it may be one. */
const REFERENCE_ALONE = /^["']?\$\{\w*\}["']?$/;
