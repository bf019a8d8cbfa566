import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { jsonSchema } from './json-schema.ts';
import { referenceEntries, referencePage } from './reference.ts';
import { configSchema } from './schema.ts';
import { describe, visit } from './walk.ts';

const DOCS = join(import.meta.dirname, '../../docs');
const STALE = 'run "npm run reference"';

test('docs/configuration.md is what the schema makes', () => {
  assert.equal(readFileSync(join(DOCS, 'configuration.md'), 'utf8'), referencePage(), STALE);
});

test('docs/configuration.md names every setting of the schema and no other', () => {
  const page = readFileSync(join(DOCS, 'configuration.md'), 'utf8');
  const headings = [...page.matchAll(/^###? `(.+)`$/gm)].map((match) => match[1]);
  assert.deepEqual(
    headings,
    referenceEntries().map(({ path }) => path),
  );
});

test('docs/openclaw.schema.json is what the schema makes', () => {
  const text = readFileSync(join(DOCS, 'openclaw.schema.json'), 'utf8');
  assert.deepEqual(JSON.parse(text), jsonSchema(), STALE);
});

test('every setting has its sentence, and what it may be', () => {
  const bare: string[] = [];
  visit(configSchema, [], (node, keys) => {
    if (keys.length === 0) return;
    const { description, kind, expected } = describe(node);
    if (!description || !/[.]$/.test(description)) bare.push(`${keys.join('.')}: no sentence`);
    if (kind !== 'section' && kind !== 'choice' && !expected)
      bare.push(`${keys.join('.')}: no kind`);
  });
  assert.deepEqual(bare, []);
});

test('the JSON Schema takes a server as its address alone, and knows no further keys', () => {
  const schema = jsonSchema() as { properties: Record<string, { properties: object }> };
  const { servers, timeout } = schema.properties.load_balancing!.properties as Record<
    string,
    { items?: { anyOf: object[] }; additionalProperties?: boolean }
  >;
  assert.deepEqual(servers!.items!.anyOf[0], { type: 'string' });
  assert.equal(timeout!.additionalProperties, false);
});
