/**
 * Indentation that is lost, as web pages and chats lose it: every line begins in the first column.
 * The schema says what belongs where, so that it can be restored as far as the keys leave no doubt.
 *
 * A key belongs to the innermost open section that knows it, does not have it yet, and takes such a
 * value. It is in doubt where a section further out would take it too, unless it goes on in the order
 * in which the innermost section is documented: that is how people write, and copy.
 */
import { parse } from 'yaml';
import type { z } from 'zod';
import { configSchema } from './schema.ts';
import { branches, describe, isMap, itemOf, keysOf, schemaAt } from './walk.ts';

export interface Restored {
  readonly text: string;
  /** Lines, from 1, that could belong to more than one section, or to none. */
  readonly doubts: readonly { readonly line: number; readonly why: string }[];
}

type SchemaNode = z.core.$ZodType;
type Kind = 'section' | 'list' | 'map' | 'value';

/** A section, map or list that is open at a line. */
interface Open {
  /** undefined: what is in it is not known, such as items that are plain texts. */
  readonly node: SchemaNode | undefined;
  readonly kind: Kind;
  readonly name: string;
  readonly depth: number;
  /** Keys that it has already. */
  readonly has: Map<string, Open | null>;
}

const KEY_LINE = /^(- +)?(["']?)([A-Za-z_][\w-]*)\2\s*:(?:\s+(.*))?$/;
const ITEM_LINE = /^-(?: +(.*))?$/;
const INDENT = '  ';

/** Whether a text has lost its indentation: the first line of a section stands beside its name. */
export function hasLostIndentation(text: string): boolean {
  const lines = contentLines(text);
  if (lines.length < 2 || lines.some(({ code }) => /^\s/.test(code) && !/^\s*-/.test(code))) {
    return false;
  }
  const tops = keysOf(configSchema);
  return lines.some(({ code }, at) => {
    const name = KEY_LINE.exec(code);
    const next = KEY_LINE.exec(lines[at + 1]?.code ?? '');
    if (name === null || next === null || next[1] !== undefined) return false;
    const isTop = tops.includes(name[3]!) && emptied(name[4]) === '';
    return isTop && !tops.includes(next[3]!);
  });
}

export function restoreIndentation(text: string): Restored {
  return new Restorer().restore(text);
}

class Restorer {
  readonly #root: Open = opened(configSchema, '', -1);
  #stack: Open[] = [this.#root];
  readonly #lines: string[] = [];
  /** Comments and blank lines, which go with what follows them. */
  #waiting: string[] = [];
  readonly #doubts: { line: number; why: string }[] = [];

  restore(text: string): Restored {
    for (const [at, raw] of text.split(/\r?\n/).entries()) {
      const line = raw.trim();
      if (line === '' || line.startsWith('#')) this.#waiting.push(line);
      else this.#place(line, at + 1);
    }
    this.#lines.push(...this.#waiting);
    return { text: this.#lines.join('\n'), doubts: this.#doubts };
  }

  #place(line: string, number: number): void {
    const key = KEY_LINE.exec(line);
    const item = ITEM_LINE.exec(line);
    if (item !== null) this.#placeItem(line, key, number);
    else if (key !== null) this.#placeKey(line, key[3]!, key[4] ?? '', number);
    else this.#doubt(line, number, 'it is neither "key: value" nor an item of a list');
  }

  #placeItem(line: string, key: RegExpExecArray | null, number: number): void {
    const at = this.#stack.findLastIndex(({ kind }) => kind === 'list');
    if (at === -1) return this.#doubt(line, number, 'there is no list here');
    const list = this.#stack[at]!;
    this.#stack.length = at + 1;
    this.#emit(line.replace(/^- +/, '- '), list.depth + 1);
    const node = list.node === undefined ? undefined : itemOf(list.node);
    if (key === null || node === undefined) return;
    const within = opened(node, `an item of ${list.name}`, list.depth + 1, 'section');
    this.#stack.push(within);
    this.#enter(within, key[3]!, key[4] ?? '');
  }

  #placeKey(line: string, key: string, value: string, number: number): void {
    const again = this.#root.has.get(key);
    if (again !== undefined && this.#stack[1] === again && emptied(value) === '') {
      // The next of several blocks that each begin anew goes on with the same section.
      this.#stack.length = 2;
      return;
    }
    const fits = this.#stack.filter((one) => takes(one, key, value));
    const valid = fits.filter((one) => accepts(one, key, value));
    const [chosen, around] = (valid.length > 0 ? valid : fits).toReversed();
    if (chosen === undefined) {
      return this.#doubt(
        line,
        number,
        `none of the sections it could belong to has a setting "${key}"`,
      );
    }
    const at = this.#stack.indexOf(chosen);
    const goesOn = chosen === this.#stack.at(-1) && isNext(chosen, key);
    if (around !== undefined && !goesOn) {
      const why = `"${key}" could belong to ${chosen.name} or to ${around.name}`;
      return this.#doubt(line, number, why);
    }
    this.#stack.length = at + 1;
    this.#emit(line, chosen.depth + 1);
    this.#enter(chosen, key, value);
  }

  /** @param depth how far the line is indented; a doubtful one stays where it is */
  #emit(line: string, depth: number): void {
    const indent = INDENT.repeat(depth);
    for (const one of this.#waiting) this.#lines.push(one === '' ? '' : indent + one);
    this.#waiting = [];
    this.#lines.push(indent + line);
  }

  #enter(holder: Open, key: string, value: string): void {
    const node = childOf(holder, key);
    const kind = node === undefined ? 'value' : kindOf(node);
    const isOpen = emptied(value) === '' && kind !== 'value';
    const child = isOpen ? opened(node, key, holder.depth + 1, kind) : null;
    holder.has.set(key, child);
    if (child !== null) this.#stack.push(child);
  }

  #doubt(line: string, number: number, why: string): void {
    this.#doubts.push({ line: number, why });
    this.#emit(line, 0);
  }
}

function opened(
  node: SchemaNode | undefined,
  name: string,
  depth: number,
  kind: Kind = 'section',
): Open {
  return { node, kind, name: name === '' ? 'the top of the file' : name, depth, has: new Map() };
}

function kindOf(node: SchemaNode): Kind {
  if (itemOf(node) !== undefined || describe(node).kind === 'list') return 'list';
  if (isMap(node)) return 'map';
  return branches(node).length > 0 ? 'section' : 'value';
}

function childOf({ node, kind }: Open, key: string): SchemaNode | undefined {
  if (node === undefined || kind === 'list') return undefined;
  return schemaAt([key], node);
}

/** Whether a section knows a key, does not have it, and what it names is of the kind of the value. */
function takes(holder: Open, key: string, value: string): boolean {
  const node = childOf(holder, key);
  if (node === undefined || holder.has.has(key)) return false;
  const isBare = emptied(value) === '';
  return (kindOf(node) === 'value') !== isBare || /^[[{]/.test(value);
}

function accepts(holder: Open, key: string, value: string): boolean {
  if (emptied(value) === '') return true;
  try {
    return (childOf(holder, key) as z.ZodType).safeParse(parse(value)).success;
  } catch {
    return false;
  }
}

/** Whether a key comes, as documented, after all that its section has; first of all in any case. */
function isNext({ node, has }: Open, key: string): boolean {
  const order = keysOf(node!);
  return has.size === 0 || [...has.keys()].every((one) => order.indexOf(one) < order.indexOf(key));
}

/** The value without a comment behind it. */
function emptied(value = ''): string {
  return /^#|^\s*$/.test(value) ? '' : value;
}

function contentLines(text: string): { code: string }[] {
  return text
    .split(/\r?\n/)
    .filter((line) => !/^\s*(#|$)/.test(line))
    .map((code) => ({ code }));
}
