/** docs/configuration.md, made from the schema. */

import { strategies } from '../core/balance/registry.ts';
import type { SettingMeta } from './kinds.ts';
import { configSchema } from './schema.ts';
import { choicesOf, describe, isSection, literalOf, visit } from './walk.ts';

export interface ReferenceEntry {
  /** `load_balancing.servers[].weight` */
  path: string;
  about: SettingMeta;
  isSection: boolean;
  values: string;
}

/** Every section and setting, in the order of the file. */
export function referenceEntries(): ReferenceEntry[] {
  const entries: ReferenceEntry[] = [];
  const seen = new Set<string>();
  visit(configSchema, [], (node, keys) => {
    const path = keys.join('.');
    if (keys.length === 0 || (seen.has(path) && literalOf(node) === undefined)) return;
    const about = describe(node);
    const known = entries.find((entry) => entry.path === path);
    const literal = literalOf(node);
    if (known !== undefined) {
      known.values += `, ${String(literal)}`;
      return;
    }
    seen.add(path);
    const values = literal === undefined ? choicesOf(node).join(', ') : String(literal);
    entries.push({ path, about, isSection: isSection(node), values });
  });
  return entries;
}

/** The whole page. `npm run reference` writes it; a test holds it against the schema. */
// biome-ignore-start lint/suspicious/noTemplateCurlyInString: what the operator writes
export function referencePage(): string {
  const lines = [
    '# Configuration',
    '',
    '<!-- Made from the schema by src/config/reference.ts; change it there. -->',
    '',
    'openclaw reads one YAML file. It is found in this order: `--config FILE`, `$OPENCLAW_CONFIG`,',
    '`./openclaw.yml`, `$XDG_CONFIG_HOME/openclaw/openclaw.yml`, `/etc/openclaw/openclaw.yml`.',
    '',
    'Durations are written like `250ms`, `5s`, `1m30s`, `24h` or `7d` and are at most `24d` (`365d`',
    'for the lifetime of cookies, of `hsts` and of logs), sizes like `512`, `16k` or',
    '`1m` (powers of 1024). `${NAME}` and `${NAME:-default}` in a value are taken from the',
    'environment; a plain `${` is written `$${`. Relative paths count from the folder of the file.',
    'Settings marked *secret* are masked in every output unless it is asked for. Sections marked',
    '*needs a restart* are read once at the start; everything else follows `openclaw reload`.',
    '',
    'Strategies that look at weights: ' +
      `${strategies
        .filter(({ weighted }) => weighted)
        .map(({ name }) => `\`${name}\``)
        .join(', ')}.`,
    '',
  ];
  for (const entry of referenceEntries()) lines.push(...entryLines(entry));
  return `${lines.join('\n').trimEnd()}\n`;
}

// biome-ignore-end lint/suspicious/noTemplateCurlyInString: what the operator writes

function entryLines({ path, about, isSection: section, values }: ReferenceEntry): string[] {
  const description = about.description ?? '';
  const restart = about.needsRestart === true ? ['*needs a restart*'] : [];
  if (section) return [`## \`${path}\``, '', [description, ...restart].join(' · '), ''];
  const facts = [
    values !== '' ? `one of ${values}` : about.expected,
    about.default === undefined ? undefined : `default ${shownDefault(about.default)}`,
    about.secret === true ? '*secret*' : undefined,
    ...restart,
  ].filter((fact) => fact !== undefined);
  return [`### \`${path}\``, '', description, '', `${facts.join(' · ')}`, ''];
}

function shownDefault(value: unknown): string {
  return `\`${typeof value === 'string' ? value : JSON.stringify(value)}\``;
}
