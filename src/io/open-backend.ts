import type { IoKind } from '../base/io-kind.ts';
import type { Backend, BackendContext, OpenBackend } from './backend.ts';

/** Loads the backend of a kind, and nothing of the others. */
export async function backendOf(kind: IoKind): Promise<OpenBackend> {
  if (kind === 'node') {
    const { NodeBackend } = await import('./node/backend.ts');
    return (context) => new NodeBackend(context);
  }
  const { KernelBackend } = await import('./kernel/backend.ts');
  if (kind === 'epoll') {
    const { EpollPoller } = await import('./kernel/epoll.ts');
    return (context) => new KernelBackend((...of) => new EpollPoller(...of), context);
  }
  const { openUring } = await import('./kernel/uring/open-uring.ts');
  return (context: BackendContext): Backend => new KernelBackend(openUring, context);
}
