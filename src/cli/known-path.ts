import { nearest } from '../config/nearest.ts';
import {
  formatPath,
  keysOf,
  type Path,
  parsePath,
  schemaAt,
  sectionsWith,
} from '../config/walk.ts';
import { CommandError, EXIT } from './io.ts';

/** A path that the schema knows; for another the nearest is named. */
export function knownPath(argument: string | undefined): Path {
  const path = parsePath(argument ?? '');
  for (const depth of path.keys()) {
    const part = path.slice(0, depth + 1);
    if (schemaAt(part) !== undefined) continue;
    const holder = schemaAt(path.slice(0, depth))!;
    const key = String(path[depth]);
    const near = nearest(key, keysOf(holder));
    const elsewhere = near === undefined ? sectionsWith(key) : [];
    const meant =
      near === undefined
        ? elsewhere.length === 1 && `${elsewhere[0]}.${key}`
        : formatPath([...path.slice(0, depth), near]);
    throw new CommandError(
      `there is no setting "${formatPath(part)}"`,
      EXIT.refused,
      meant
        ? `did you mean "${meant}"?`
        : `known settings here: ${keysOf(holder).join(', ') || 'nothing further'}`,
    );
  }
  return path;
}
