/** What a poller needs of the kernel, beside what it tells the ring; tests have one in memory. */
import type { Mapping } from '../poller.ts';
import type { EnterRing, RingMemory } from './ring.ts';

export interface UringKernel {
  /** The ring's own descriptor. */
  readonly fd: number;
  readonly memory: RingMemory;
  /** Where that lies. */
  readonly mappings: readonly Mapping[];
  readonly enter: EnterRing;
  /**
   * Gives the kernel a ring of buffers to receive into.
   *
   * @param ringAddress of the ring, a multiple of 4096
   * @param count a power of 2
   * @throws the system's error
   */
  provide(group: number, ringAddress: bigint, count: number): void;
  /** Says that nothing more comes on a socket, at once. */
  shutdown(fd: number): void;
  /** Closes a descriptor at once. */
  close(fd: number): void;
  /** Closes the ring. What it waited for is forgotten. */
  end(): void;
}
