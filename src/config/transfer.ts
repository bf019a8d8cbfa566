/** Sections out of a configuration and back in. */
import { type Document, isCollection, isMap, isScalar, parse, parseDocument, visit } from 'yaml';
import { setValue, unsetValue } from './edit.ts';
import { MASK } from './present.ts';
import { keyText } from './source-text.ts';
import { getAt } from './value-path.ts';
import { formatPath, isSecret, type Path } from './walk.ts';

/**
 * A section as a file of its own that `importText` takes back, comments kept.
 * Undefined where the text says nothing there.
 */
export function exportSection(
  text: string,
  section: Path,
  options: { secrets: boolean },
): string | undefined {
  const document = parseDocument(text, { uniqueKeys: false, merge: true });
  if (!document.hasIn(section)) return undefined;
  if (!options.secrets) maskDocument(document);
  keepOnly(document, section);
  return document.toString({ lineWidth: 0, flowCollectionPadding: false });
}

/** Every secret of a tree is replaced by the mask; a reference to the environment is none. */
function maskDocument(document: Document): void {
  const mask = (node: unknown, path: Path): void => {
    if (isMap(node)) for (const pair of node.items) mask(pair.value, [...path, keyText(pair)]);
    else if (isCollection(node)) {
      for (const [index, item] of node.items.entries()) mask(item, [...path, index]);
    } else if (isScalar(node) && node.value !== null && isSecret(path)) {
      if (!/^\$\{\w+\}$/.test(String(node.value))) node.value = MASK;
    }
  };
  mask(document.contents, []);
  visit(document, {
    Scalar(_, node) {
      if (node.value === MASK) delete node.source;
    },
  });
}

/**
 * The text with the settings of another merged into it: sections setting by setting, everything
 * else whole. With `replace` a section of the second level (`load_balancing.timeout`) is taken
 * whole. A masked secret stays what it was.
 * @throws Error for a masked secret that is not there, and for a text that is no section
 */
export function importText(
  text: string | undefined,
  imported: string,
  options: { replace: boolean },
): string {
  const root: unknown = parse(imported, { merge: true });
  if (typeof root !== 'object' || root === null || Array.isArray(root)) {
    throw new Error('the imported file has no sections');
  }
  let merged = text ?? '';
  const before: unknown = text === undefined ? {} : parse(text, { merge: true, uniqueKeys: false });
  const merge = (value: unknown, path: Path): void => {
    const isWhole = options.replace && path.length >= 2;
    if (isSection(value) && !isWhole && Object.keys(value).length > 0) {
      for (const [key, inner] of Object.entries(value)) merge(inner, [...path, key]);
    } else {
      merged = setValue(merged, path, unmasked(value, path, before));
    }
  };
  merge(root, []);
  return merged;
}

/** The text with one section as another text has it, or without it where the other has none. */
export function withSectionOf(text: string, other: string, section: Path): string {
  const document = parseDocument(other, { merge: true, uniqueKeys: false });
  if (!document.hasIn(section)) return unsetValue(text, section) ?? text;
  return setValue(text, section, getAt(document.toJS(), section));
}

function unmasked(value: unknown, path: Path, before: unknown): unknown {
  if (value === MASK) {
    const kept = getAt(before, path);
    if (typeof kept === 'string') return kept;
    throw new Error(
      `${formatPath(path)} is masked in the imported file and not set here; export with --secrets`,
    );
  }
  if (Array.isArray(value)) {
    return value.map((item, index) => unmasked(item, [...path, index], before));
  }
  if (!isSection(value)) return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, inner]) => [key, unmasked(inner, [...path, key], before)]),
  );
}

function keepOnly(document: Document, section: Path): void {
  let node: unknown = document.contents;
  for (const key of section) {
    if (!isMap(node)) return;
    node.items = node.items.filter((pair) => keyText(pair) === String(key));
    node = node.items[0]?.value;
  }
}

function isSection(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
