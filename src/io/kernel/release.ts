import { closeSync } from 'node:fs';
import type { Releases } from '../holdings.ts';
import { unmap } from './arena.ts';

/** Gives back what a thread held that is gone. */
export const RELEASES: Releases = {
  unmap,

  close(fd) {
    try {
      closeSync(fd);
    } catch {
      // The thread was about to note that it is closed.
    }
  },
};
