/** The JSON Schema of openclaw.yml, for editors and for `config schema`. */
import { z } from 'zod';
import type { SettingMeta } from './kinds.ts';
import { configSchema } from './schema.ts';
import { SCHEMA_URL } from './schema-url.ts';
import { describe } from './walk.ts';

const STATUS = {
  anyOf: [
    { type: 'integer', minimum: 100, maximum: 599 },
    { type: 'string', pattern: '^([1-5]xx|[1-5]\\d\\d(\\s*-\\s*[1-5]\\d\\d)?)$' },
  ],
};

export function jsonSchema(): object {
  const made = z.toJSONSchema(configSchema, {
    io: 'input',
    target: 'draft-07',
    unrepresentable: 'any',
    override: ({ zodSchema, jsonSchema: node }) => {
      const about: SettingMeta = describe(zodSchema);
      const { json, kind, secret, expected, description, shorthand, default: fallback } = about;
      for (const own of ['kind', 'json', 'secret', 'expected', 'shorthand', 'needsRestart']) {
        delete (node as Record<string, unknown>)[own];
      }
      if (json !== undefined) {
        for (const key of Object.keys(node)) delete (node as Record<string, unknown>)[key];
        Object.assign(node, json);
      }
      if (description !== undefined) node.description = description;
      if (fallback !== undefined) node.default = fallback as never;
      if (secret === true) node.writeOnly = true;
      if (kind === 'section' || kind === 'list' || kind === 'map') orNothing(node);
      if (kind === 'section') delete node.default;
      if (shorthand !== undefined && zodSchema._zod.def.type === 'pipe')
        orShorthand(node, shorthand);
      if (expected !== undefined && node.description === undefined) node.description = expected;
    },
  });
  return withReferences({
    ...made,
    $id: SCHEMA_URL,
    title: 'openclaw.yml',
    definitions: { status: STATUS },
  });
}

/** A section with nothing in it is null in YAML. */
function orNothing(node: { type?: unknown }): void {
  if (typeof node.type === 'string') node.type = [node.type, 'null'];
}

function orShorthand(node: object, shorthand: object): void {
  const long = { ...node };
  for (const key of Object.keys(node)) delete (node as Record<string, unknown>)[key];
  Object.assign(node, { anyOf: [shorthand, long] });
}

function withReferences(schema: object): object {
  return JSON.parse(JSON.stringify(schema).replaceAll('#/$defs/status', '#/definitions/status'));
}
