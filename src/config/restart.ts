import { configSchema } from './schema.ts';
import { describe, visit } from './walk.ts';

/** @param path of a setting, as `diffSettings` writes it */
export function needsRestart(path: string): boolean {
  return readAtStart().some((one) => path === one || path.startsWith(`${one}.`));
}

let paths: readonly string[] | undefined;

/** Sections and settings that say so in the schema, which does not change. */
function readAtStart(): readonly string[] {
  if (paths !== undefined) return paths;
  const found: string[] = [];
  visit(configSchema, [], (node, keys) => {
    if (describe(node).needsRestart === true) found.push(keys.join('.'));
  });
  paths = found;
  return found;
}
