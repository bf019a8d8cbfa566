import { readFileSync } from 'node:fs';
import { Arena } from '../arena.ts';
import { EINVAL, hasCalls } from '../calls.ts';
import { ffi } from '../ffi.ts';
import { BufferGroup } from './buffers.ts';
import { ENOMEM, ENOSYS, EPERM } from './numbers.ts';
import { openRing } from './open-ring.ts';

const ARENA_BYTES = 64 * 1024;
const DISABLED_FILE = '/proc/sys/kernel/io_uring_disabled';

/** Why io_uring cannot be used here, a sentence; null: it can. */
export function uringMissing(): string | null {
  if (process.platform !== 'linux') return 'io_uring is part of Linux';
  if (ffi === null) return 'this Node.js has no node:ffi';
  if (!hasCalls) return 'the C library lacks a function';
  const arena = Arena.map(ARENA_BYTES);
  try {
    tryRing(arena);
    return null;
  } catch (error) {
    return reasonOf(error as NodeJS.ErrnoException);
  } finally {
    arena.unmap();
  }
}

/** A small one, with all that ours have. @throws the system's error */
function tryRing(arena: Arena): void {
  const ring = openRing(arena, 8, 16);
  try {
    const { group, ringAddress, count } = new BufferGroup(arena, 0, 2, 1024);
    ring.provide(group, ringAddress, count);
    const result = ring.enter(0, 0);
    if (result < 0) throw Object.assign(new Error('io_uring_enter'), { errno: result });
  } finally {
    ring.end();
  }
}

function reasonOf({ errno, message }: NodeJS.ErrnoException): string {
  switch (-(errno ?? 0)) {
    case ENOSYS:
      return 'the kernel has no io_uring';
    case EPERM:
      return isDisabled()
        ? 'kernel.io_uring_disabled forbids io_uring'
        : 'io_uring is forbidden, probably by the seccomp profile of the container';
    case EINVAL:
      return 'the kernel is too old for io_uring as it is used: Linux 6.1 or later is needed';
    case ENOMEM:
      return 'there is no memory for io_uring: the limit of locked memory (ulimit -l) may be too low';
    default:
      return `io_uring cannot be used: ${message}`;
  }
}

/** 1: only a group of users may; 2: nobody. */
function isDisabled(): boolean {
  try {
    return readFileSync(DISABLED_FILE, 'utf8').trim() !== '0';
  } catch {
    return false;
  }
}
