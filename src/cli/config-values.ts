/** `openclaw config get|set|unset`: single values of the file. */
import { isScalar, type Node, parseDocument, stringify } from 'yaml';
import { getNode, readArgument, setValue, unsetValue } from '../config/edit.ts';
import { present } from '../config/present.ts';
import { SourceText } from '../config/source-text.ts';
import { exportSection } from '../config/transfer.ts';
import { getAt } from '../config/value-path.ts';
import { formatPath, keysOf, type Path, parsePath, schemaAt } from '../config/walk.ts';
import {
  check,
  editFile,
  fileToWrite,
  readConfig,
  refuseProblems,
  requireFile,
  shown,
} from './config-file.ts';
import type { ConfigOptions } from './config-options.ts';
import { json, plain, tellEdited } from './config-print.ts';
import { CommandError, EXIT, type Io } from './io.ts';
import { knownPath } from './known-path.ts';

export function get(io: Io, argument: string | undefined, options: ConfigOptions): void {
  const path = knownPath(argument);
  const file = requireFile(io, options.config);
  const text = readConfig(file);
  if (options.effective) {
    getEffective(io, file, text, path, options);
    return;
  }
  const exported = exportSection(text, path, { secrets: options.secrets === true });
  const node = exported === undefined ? undefined : getNode(exported, path);
  if (node === undefined) {
    throw new CommandError(
      `${formatPath(path)} is not set in ${shown(io, file)}`,
      EXIT.refused,
      'use --effective to see its default',
    );
  }
  const value = plain(exported!, path);
  if (options.json) io.out(json(value));
  else (io.outExact ?? io.out)(isScalar(node) ? `${String(value)}\n` : printNode(node));
}

function getEffective(
  io: Io,
  file: string,
  text: string,
  path: Path,
  options: ConfigOptions,
): void {
  const loaded = check(io, text, file);
  refuseProblems(io, loaded, `${shown(io, file)} has errors`);
  const value = present(getAt(loaded.settings, path), path, { secrets: options.secrets === true });
  const source = new SourceText(shown(io, file), text);
  const origin = (own: Path) => originOf(source, own);
  if (value === undefined) {
    throw new CommandError(`${formatPath(path)} is not set and has no default`, EXIT.refused);
  }
  if (options.json) {
    io.out(json({ path: formatPath(path), value, origin: origins(value, path, origin) }));
  } else if (typeof value !== 'object') {
    io.out(`${String(value)}  # ${origin(path)}\n`);
  } else {
    const document = parseDocument(stringify(value));
    annotate(document.contents, path, origin);
    io.out(document.toString({ lineWidth: 0 }));
  }
}

function originOf(source: SourceText, path: Path): string {
  for (let depth = path.length; depth > 0; depth--) {
    const part = path.slice(0, depth);
    if (!source.has(part)) continue;
    if (depth < path.length && keysOf(schemaAt(part)!).length > 0) break;
    const { line } = source.problem({ severity: 'warning', path: part, message: '' });
    const text = source.text.split('\n')[line - 1] ?? '';
    return `${source.file}:${line}${/(?<!\$)\$\{/.test(text) ? ', environment' : ''}`;
  }
  return 'default';
}

function origins(value: unknown, path: Path, origin: (path: Path) => string): unknown {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return origin(path);
  return Object.fromEntries(
    Object.entries(value).map(([key, inner]) => [key, origins(inner, [...path, key], origin)]),
  );
}

function annotate(node: unknown, path: Path, origin: (path: Path) => string): void {
  const { items } = (node ?? {}) as { items?: { key?: { value: string }; value?: unknown }[] };
  for (const [index, item] of (items ?? []).entries()) {
    const own = [...path, item.key === undefined ? index : item.key.value];
    const value = item.key === undefined ? item : item.value;
    if (isScalar(value)) value.comment = ` ${origin(own)}`;
    else annotate(value, own, origin);
  }
}

function printNode(node: Node): string {
  const document = parseDocument('');
  document.contents = node as never;
  return document.toString({ lineWidth: 0, flowCollectionPadding: false });
}

export async function set(io: Io, pairs: string[], options: ConfigOptions): Promise<void> {
  if (pairs.length % 2 !== 0) {
    throw new CommandError(`"${pairs.at(-1)}" has no value`, EXIT.usage, 'give PATH VALUE pairs');
  }
  const changes: [Path, unknown][] = [];
  for (let index = 0; index < pairs.length; index += 2) {
    const path = knownPath(pairs[index]);
    changes.push([path, readArgument(path, pairs[index + 1]!)]);
  }
  const file = fileToWrite(io, options.config);
  const edited = await editFile(io, file, (text) =>
    changes.reduce((all, [path, value]) => setValue(all, path, value), text ?? ''),
  );
  tellEdited(io, edited, options);
}

export async function unset(io: Io, argument: string, options: ConfigOptions): Promise<void> {
  const file = requireFile(io, options.config);
  const path = parsePath(argument);
  const edited = await editFile(io, file, (text) => {
    const next = unsetValue(text ?? '', path);
    if (next !== undefined) return next;
    throw new CommandError(`${argument} is not set in ${shown(io, file)}`, EXIT.refused);
  });
  tellEdited(io, edited, options);
}
