/**
 * A second descriptor for an open socket. A thread that dies closes the descriptors of its handles;
 * the socket lives on through the other one. Node has no call for it, so the C library is called.
 */

/** The part of `node:ffi` (Node 26) that is used; its types are not in every Node's. */
interface Ffi {
  dlopen(
    library: null,
    symbols: Record<string, { arguments: string[]; return: string }>,
  ): { functions: Record<string, (...values: number[]) => number> };
}

/** `fcntl`'s command on Linux: the lowest free number, and closed in processes that are started. */
const F_DUPFD_CLOEXEC = 1030;

type Fcntl = (fd: number, command: number, from: number) => number;

/** @returns null where this Node or this system has no way to it */
function findFcntl(): Fcntl | null {
  // Elsewhere the command has another number, and variadic functions are called in another way.
  if (process.platform !== 'linux') return null;
  const { emitWarning } = process;
  // That it is experimental is our concern, not the operator's: there is a way without it.
  process.emitWarning = () => {};
  try {
    const ffi = process.getBuiltinModule('node:ffi' as 'node:os') as unknown as Ffi | undefined;
    const fcntl = { arguments: ['i32', 'i32', 'i32'], return: 'i32' };
    return ffi?.dlopen(null, { fcntl }).functions.fcntl ?? null;
  } catch {
    return null;
  } finally {
    process.emitWarning = emitWarning;
  }
}

const fcntl = findFcntl();

/** Whether descriptors can be duplicated here. */
export const canDuplicate = fcntl !== null;

/** @returns the second descriptor; null where there is none to be had */
export function duplicate(fd: number): number | null {
  const copy = fcntl?.(fd, F_DUPFD_CLOEXEC, 0) ?? -1;
  return copy < 0 ? null : copy;
}
