/** A certificate for the run, as the proxies want it. */
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Certificate } from './peers/peer.ts';
import { runToEnd, writeFiles } from './processes.ts';

export type KeyKind = 'ec' | 'rsa';

const KEY_ARGS: Readonly<Record<KeyKind, readonly string[]>> = {
  ec: ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1'],
  rsa: ['-newkey', 'rsa:2048'],
};
const MAKE_MS_MAX = 30_000;

export async function makeCertificate(
  kind: KeyKind,
  folder: string,
  core: number | string,
): Promise<Certificate> {
  await writeFiles(folder, {});
  const files = {
    cert: join(folder, 'cert.pem'),
    key: join(folder, 'key.pem'),
    both: join(folder, 'both.pem'),
  };
  const argv: [string, ...string[]] = [
    ...(['openssl', 'req', '-x509', '-nodes', '-days', '90', '-subj', '/CN=localhost'] as const),
    ...['-addext', 'subjectAltName=DNS:localhost,IP:127.0.0.1', ...KEY_ARGS[kind]],
    ...['-keyout', files.key, '-out', files.cert],
  ];
  await runToEnd({ argv }, core, MAKE_MS_MAX);
  const texts = await Promise.all([readFile(files.cert), readFile(files.key)]);
  await writeFile(files.both, Buffer.concat(texts));
  return files;
}
