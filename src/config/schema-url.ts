/** Where the published package serves it from; `openclaw init` writes it into the first line. */
export const SCHEMA_URL = 'https://unpkg.com/openclaw-lb/docs/openclaw.schema.json';
