/** Settings as the file would spell them, secrets masked unless asked for. */
import { formatDuration, formatSize } from '../base/units.ts';
import { formatStatuses, type StatusRange } from './schema/health.ts';
import { branchOf, describe, isSecret, type Path, schemaAt } from './walk.ts';

/** What stands in place of a secret. `import` takes it for "leave as it is". */
export const MASK = '********';

export interface PresentOptions {
  secrets?: boolean;
}

/** @param path where `value` stands, so that durations, sizes and secrets are known as such */
export function present(value: unknown, path: Path = [], options: PresentOptions = {}): unknown {
  const hide = options.secrets !== true && isSecret(path);
  return presentNode(value, schemaAt(path), hide, options);
}

function presentNode(
  value: unknown,
  node: ReturnType<typeof schemaAt>,
  hide: boolean,
  options: PresentOptions,
): unknown {
  if (value === undefined || value === null) return value;
  const kind = node === undefined ? undefined : describe(node).kind;
  if (kind === 'status') return formatStatuses(value as StatusRange[]);
  if (typeof value !== 'object') {
    if (hide) return MASK;
    if (kind === 'duration' && typeof value === 'number') return formatDuration(value);
    if (kind === 'size' && typeof value === 'number') return formatSize(value);
    return value;
  }
  const holder = node === undefined ? undefined : branchOf(node, value);
  const child = (key: string | number, inner: unknown) => {
    const own = holder === undefined ? undefined : schemaAt([key], holder);
    const secret = options.secrets !== true && own !== undefined && describe(own).secret === true;
    return presentNode(inner, own, hide || secret, options);
  };
  if (Array.isArray(value)) return value.map((inner, index) => child(index, inner));
  return Object.fromEntries(
    Object.entries(value)
      .filter(([, inner]) => inner !== undefined)
      .map(([key, inner]) => [key, child(key, inner)]),
  );
}
