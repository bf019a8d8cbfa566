import type { Path } from './walk.ts';

/** What stands at a path of plain values; undefined where there is nothing. */
export function getAt(value: unknown, path: Path): unknown {
  let at = value;
  for (const key of path) at = (at as Record<string | number, unknown> | undefined)?.[key];
  return at;
}

/** The same value with another one at a path; what is not on the way there is shared. */
export function withAt(value: unknown, path: Path, part: unknown): unknown {
  const [key, ...rest] = path;
  if (key === undefined) return part;
  const section = value as Record<string | number, unknown>;
  return { ...section, [key]: withAt(section[key], rest, part) };
}
