/** Finds one's way in the schema: what stands at a path, and what every setting is. */
import type { z } from 'zod';
import { metaOf, type SettingMeta } from './kinds.ts';
import { configSchema } from './schema.ts';

export type Path = readonly (string | number)[];
type Node = z.core.$ZodType;
type Definition = {
  type: string;
  innerType?: Node;
  in?: Node;
  out?: Node;
  shape?: Record<string, Node>;
  element?: Node;
  valueType?: Node;
  options?: Node[];
};

/** What stands at a path, or undefined where the schema knows none. */
export function schemaAt(path: Path, from: Node = configSchema): Node | undefined {
  let node: Node | undefined = from;
  for (const key of path) {
    if (node === undefined) return undefined;
    node = childOf(node, key);
  }
  return node;
}

/** All that is said about a node, by itself or by what it wraps; the outermost word counts. */
export function describe(node: Node): SettingMeta {
  let all = DESCRIBED.get(node);
  if (all === undefined) {
    all = {};
    for (let at: Node | undefined = node; at !== undefined; at = wrapped(at)) {
      all = { ...metaOf(at), ...all };
    }
    DESCRIBED.set(node, all);
  }
  return all;
}

/** The schema does not change, and is asked for each value of a file. */
const DESCRIBED = new WeakMap<Node, SettingMeta>();

/** Names a section knows; none for what is no section. */
export function keysOf(node: Node): string[] {
  const { shape, options } = definition(innermost(node));
  if (shape !== undefined) return Object.keys(shape);
  return [...new Set((options ?? []).flatMap(keysOf))];
}

/** The section that `value` means, where a node may be one of several (`type: slack`). */
export function branchOf(node: Node, value: unknown): Node {
  const { options } = definition(innermost(node));
  if (options === undefined) return node;
  const type = (value as { type?: unknown } | null)?.type;
  return options.find((option) => literalOf(childOf(option, 'type')) === type) ?? node;
}

/** What a list holds, or undefined for what is no list. */
export function itemOf(node: Node): Node | undefined {
  return definition(innermost(node)).element;
}

/** The sections a node may be: one of several, itself, or none. */
export function branches(node: Node): Node[] {
  const { shape, options } = definition(innermost(node));
  return options ?? (shape === undefined ? [] : [node]);
}

/** The one value that a node takes, as the `type` of an alert channel. */
export function literalOf(node: Node | undefined): unknown {
  if (node === undefined) return undefined;
  return (definition(innermost(node)) as { values?: unknown[] }).values?.[0];
}

/** The values of a choice, in order; none for what is no choice. */
export function choicesOf(node: Node): string[] {
  const { entries } = definition(innermost(node)) as { entries?: Record<string, string> };
  return Object.values(entries ?? {});
}

export function isSection(node: Node): boolean {
  return definition(innermost(node)).shape !== undefined;
}

export function isMap(node: Node): boolean {
  return definition(innermost(node)).type === 'record';
}

/** Whether the value at a path, or anything around it, must not be shown. */
export function isSecret(path: Path): boolean {
  return path.some((_, depth) => {
    const node = schemaAt(path.slice(0, depth + 1));
    return node !== undefined && describe(node).secret === true;
  });
}

/** Every place in the schema where a key of this name stands, as dotted paths of its sections. */
export function sectionsWith(key: string): readonly string[] {
  SECTIONS ??= sectionsByKey();
  return SECTIONS.get(key) ?? [];
}

/** A file may hold thousands of unknown keys, and each is looked for. */
let SECTIONS: Map<string, string[]> | undefined;

function sectionsByKey(): Map<string, string[]> {
  const sections = new Map<string, string[]>();
  visit(configSchema, [], (node, path) => {
    if (path.length === 0) return;
    for (const key of keysOf(node)) {
      const known = sections.get(key);
      if (known === undefined) sections.set(key, [path.join('.')]);
      else known.push(path.join('.'));
    }
  });
  return sections;
}

/** Calls back for each node, sections before their members; `[]` stands for each item of a list. */
export function visit(
  node: Node,
  path: readonly string[],
  each: (node: Node, path: readonly string[]) => void,
): void {
  each(node, path);
  const item = itemOf(node);
  if (item !== undefined) {
    const listed = [...path.slice(0, -1), `${path.at(-1)}[]`];
    for (const branch of branches(item)) visitMembers(branch, listed, each);
    return;
  }
  for (const branch of branches(node)) visitMembers(branch, path, each);
}

function visitMembers(
  node: Node,
  path: readonly string[],
  each: (node: Node, path: readonly string[]) => void,
): void {
  for (const key of keysOf(node)) visit(childOf(node, key)!, [...path, key], each);
}

function childOf(node: Node, key: string | number): Node | undefined {
  const { shape, element, valueType, options } = definition(innermost(node));
  if (shape !== undefined) return Object.hasOwn(shape, key) ? shape[key] : undefined;
  if (element !== undefined) return Number.isInteger(Number(key)) ? element : undefined;
  if (valueType !== undefined) return valueType;
  for (const option of options ?? []) {
    const child = childOf(option, key);
    if (child !== undefined) return child;
  }
  return undefined;
}

function innermost(node: Node): Node {
  let at = node;
  for (let next = wrapped(at); next !== undefined; next = wrapped(at)) at = next;
  return at;
}

/** What a default or a preprocessing step wraps. A kind of our own (`reading`) wraps nothing. */
function wrapped(node: Node): Node | undefined {
  const { type, innerType, in: first, out } = definition(node);
  if (innerType !== undefined) return innerType;
  if (type === 'pipe' && definition(first!).type === 'transform') return out;
  return undefined;
}

function definition(node: Node): Definition {
  return node._zod.def as unknown as Definition;
}

/** `load_balancing.servers[0].address`: the spelling that messages and commands share. */
export function formatPath(path: Path): string {
  let text = '';
  for (const key of path) {
    if (typeof key === 'number') text += `[${key}]`;
    else text += text === '' ? key : `.${key}`;
  }
  return text;
}

/** Takes `a.b[0].c` and `a.b.0.c`. */
export function parsePath(text: string): Path {
  return text
    .replaceAll(/\[(\d+)\]/g, '.$1')
    .split('.')
    .filter((part) => part !== '')
    .map((part) => (/^\d+$/.test(part) ? Number(part) : part));
}
