import { closeSync, unlinkSync } from 'node:fs';
import net from 'node:net';
import type { ListeningSockets } from '../backend.ts';
import { canDuplicate, duplicate } from '../kernel/duplicate.ts';
import { keepingPath, removeStaleSocket } from '../unix-socket.ts';
import { BACKLOG, fdOf } from './listener.ts';

/** Listening sockets as Node opens them. They outlive a thread where a descriptor can be duplicated. */
export const nodeListeningSockets: ListeningSockets = {
  areKept: canDuplicate,

  async claim({ host, port, path }) {
    if (path !== '') return removeStaleSocket(path);
    const server = net.createServer();
    await listening(server, { host, port, exclusive: true });
    await new Promise<void>((resolve) => server.close(() => resolve()));
  },

  async open({ host, port, path }) {
    const server = net.createServer();
    const where = path === '' ? { host, port, reusePort: true } : { path };
    // The loop has not turned yet when this goes on, so that nothing was accepted.
    await listening(server, { ...where, backlog: BACKLOG });
    const fd = duplicate(fdOf(server));
    keepingPath(path, () => server.close());
    if (fd === null) throw Object.assign(new Error('no file descriptors left'), { code: 'EMFILE' });
    return fd;
  },

  close(fd, { path }, isHandedOver) {
    closeSync(fd);
    if (path === '' || isHandedOver) return;
    try {
      unlinkSync(path);
    } catch {
      // Somebody else has removed it.
    }
  },
};

function listening(server: net.Server, options: net.ListenOptions): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(options, resolve);
  });
}
