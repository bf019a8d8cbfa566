/** http-proxy-3, the maintained http-proxy, on node:http with a keep-alive agent. */
import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import type { Peer } from './peer.ts';

const PROGRAM = join(import.meta.dirname, 'http-proxy-3.program.ts');

export const httpProxy3: Peer = {
  name: 'http-proxy-3',
  install: 'npm ci',
  speaksTls: false,
  version,
  command: (ask) => ({
    argv: [process.execPath, PROGRAM, `${ask.port}`, `${ask.backendPort}`],
    env: { NODE_ENV: 'production' },
  }),
};

async function version(): Promise<string | undefined> {
  try {
    const file = createRequire(import.meta.url).resolve('http-proxy-3/package.json');
    return (JSON.parse(await readFile(file, 'utf8')) as { version: string }).version;
  } catch {
    return undefined;
  }
}
