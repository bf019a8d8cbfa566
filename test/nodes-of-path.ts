/** Every `node` that this machine has in the usual places, whatever its version. */
import { existsSync } from 'node:fs';
import { delimiter, join } from 'node:path';

export function nodesOfPath(): string[] {
  const folders = [...(process.env.PATH ?? '').split(delimiter), '/usr/bin', '/usr/local/bin'];
  const nodes = new Set(folders.map((folder) => join(folder, 'node')));
  return [...nodes].filter((node) => existsSync(node));
}
