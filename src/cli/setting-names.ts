/** What completion offers for settings. */
import { configSchema } from '../config/schema.ts';
import { choicesOf, describe, parsePath, schemaAt, visit } from '../config/walk.ts';

export function settingPaths(which: 'sections' | 'all'): string[] {
  const paths: string[] = [];
  visit(configSchema, [], (node, keys) => {
    const path = keys.join('.');
    if (path === '' || path.includes('[]')) return;
    if (which === 'all' || describe(node).kind === 'section') paths.push(path);
  });
  return paths;
}

export function settingValues(path: string): string[] {
  const node = schemaAt(parsePath(path));
  if (node === undefined) return [];
  return describe(node).kind === 'boolean' ? ['true', 'false'] : choicesOf(node);
}
