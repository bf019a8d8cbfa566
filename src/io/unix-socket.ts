/** Unix sockets' places in the file system. */
import { linkSync, renameSync, statSync, unlinkSync } from 'node:fs';
import net from 'node:net';

/** Closes who listens on a unix socket, which would take it out of the file system. */
export function keepingPath(path: string, close: () => void): void {
  if (path === '') return close();
  const meanwhile = `${path}.${process.pid}`;
  linkSync(path, meanwhile);
  close();
  renameSync(meanwhile, path);
}

/**
 * Takes a stale unix socket out of the way; one that somebody listens on is left.
 *
 * @throws an error with code ENOTSOCK where something else lies: that is not ours to remove
 */
export function removeStaleSocket(path: string): Promise<void> {
  return new Promise((resolve, reject) => {
    const probe = net.connect(path);
    probe.once('connect', () => {
      probe.destroy();
      resolve();
    });
    probe.once('error', (error: NodeJS.ErrnoException) => {
      if (error.code !== 'ECONNREFUSED') return resolve();
      try {
        if (!statSync(path).isSocket()) throw Object.assign(error, { code: 'ENOTSOCK' });
        unlinkSync(path);
        resolve();
      } catch (cause) {
        reject(cause);
      }
    });
  });
}
