import type { Holder } from '../../backend.ts';
import type { Arena } from '../arena.ts';
import { openRing } from './open-ring.ts';
import { UringPoller } from './uring-poller.ts';

/** Small, so that going around them stays in the processor's cache; what overflows is not lost. */
const SUBMISSIONS_MAX = 256;
const COMPLETIONS_MAX = 2048;

/**
 * The poller of a thread by io_uring.
 *
 * @param loopFd the descriptor of libuv's loop; -1: none is watched
 * @throws the system's error; see `uringMissing`
 */
export function openUring(arena: Arena, loopFd: number, holder: Holder): UringPoller {
  const ring = openRing(arena, SUBMISSIONS_MAX, COMPLETIONS_MAX);
  return new UringPoller(arena, ring, loopFd, holder);
}
