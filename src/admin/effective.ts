import { formatDuration } from '../base/units.ts';
import type { Settings } from '../config/schema.ts';
import { branchOf, describe, schemaAt } from '../config/walk.ts';

const MASK = '(secret)';

/** The settings in force, spelt as a file would and with every secret masked. */
export function effectiveConfiguration(settings: Settings): object {
  return spelt(settings, schemaAt([])!) as object;
}

type Node = NonNullable<ReturnType<typeof schemaAt>>;

function spelt(value: unknown, node: Node | undefined): unknown {
  // What the schema does not know is not shown: it could be anything.
  if (node === undefined) return MASK;
  const about = describe(node);
  if (about.secret === true) return value === undefined ? undefined : MASK;
  if (Array.isArray(value)) return value.map((item, at) => spelt(item, schemaAt([at], node)));
  if (typeof value === 'object' && value !== null) {
    if (about.kind === 'other') return value;
    const branch = branchOf(node, value);
    return Object.fromEntries(
      Object.entries(value).map(([key, inner]) => [key, spelt(inner, schemaAt([key], branch))]),
    );
  }
  if (about.kind === 'duration' && typeof value === 'number') return formatDuration(value);
  return value;
}
