/** Writes what is made from the schema: `npm run reference`. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { jsonSchema } from './json-schema.ts';
import { referencePage } from './reference.ts';

const DOCS = join(import.meta.dirname, '../../docs');
mkdirSync(DOCS, { recursive: true });
writeFileSync(join(DOCS, 'configuration.md'), referencePage());
writeFileSync(
  join(DOCS, 'openclaw.schema.json'),
  `${JSON.stringify(jsonSchema(), undefined, 2)}\n`,
);
