import { readFileSync } from 'node:fs';
import { Arena } from '../arena.ts';
import { EINVAL } from '../calls.ts';
import { kernelMissing } from '../missing.ts';
import { BufferGroup } from './buffers.ts';
import { ENOMEM, ENOSYS, EPERM } from './numbers.ts';
import { openRing } from './open-ring.ts';

const ARENA_BYTES = 64 * 1024;
const DISABLED_FILE = '/proc/sys/kernel/io_uring_disabled';

/** Why io_uring cannot be used here, a sentence; null: it can. */
export function uringMissing(): string | null {
  const cause = kernelMissing();
  if (cause !== null) return cause;
  const arena = Arena.map(ARENA_BYTES);
  try {
    tryRing(arena);
    return null;
  } catch (error) {
    const { errno, message } = error as NodeJS.ErrnoException;
    return reasonOf(-(errno ?? 0), isDisabledBySysctl(), message);
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

/**
 * What an error of the ring's calls means to an operator.
 *
 * @param errno above 0
 * @param isDisabled whether kernel.io_uring_disabled is on
 */
export function reasonOf(errno: number, isDisabled: boolean, message: string): string {
  switch (errno) {
    case ENOSYS:
      return 'this kernel has no io_uring';
    case EPERM:
      return isDisabled
        ? 'io_uring is disabled by the sysctl kernel.io_uring_disabled'
        : 'io_uring is forbidden, probably by the seccomp profile of the container';
    case EINVAL:
      return 'this kernel is too old for io_uring as openclaw uses it: it needs Linux 6.1';
    case ENOMEM:
      return 'there is no memory for io_uring: the limit on locked memory (ulimit -l) may be too low';
    default:
      return `io_uring does not work: ${message}`;
  }
}

/** 1: only members of a group may use it; 2: nobody. Before Linux 6.6 there is no such file. */
function isDisabledBySysctl(): boolean {
  try {
    return readFileSync(DISABLED_FILE, 'utf8').trim() !== '0';
  } catch {
    return false;
  }
}
