/**
 * A second descriptor for an open socket. A thread that dies closes the descriptors of its handles;
 * the socket lives on through the other one. Node has no call for it, so the C library is called.
 */
import { functionsOf } from './ffi.ts';

/** `fcntl`'s command on Linux: the lowest free number, and closed in processes that are started. */
const F_DUPFD_CLOEXEC = 1030;

// Elsewhere the command has another number, and variadic functions are called in another way.
const fcntl =
  process.platform === 'linux'
    ? functionsOf({ fcntl: { arguments: ['i32', 'i32', 'i32'], return: 'i32' } })?.fcntl
    : undefined;

/** Whether descriptors can be duplicated here. */
export const canDuplicate: boolean = fcntl !== undefined;

/** @returns the second descriptor; null where there is none to be had */
export function duplicate(fd: number): number | null {
  const copy = fcntl?.(fd, F_DUPFD_CLOEXEC, 0) ?? -1;
  return copy < 0 ? null : copy;
}
