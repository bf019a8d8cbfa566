import type { Arena } from '../arena.ts';
import { HEADROOM_BYTES } from '../poller.ts';

const ENTRY_BYTES = 16;
const PAGE_BYTES = 4096;
/** In units of 16 bits: the number in an entry, and the tail, which lies in the first one. */
const NUMBER_AT = 6;
const TAIL_AT = 7;

/**
 * Buffers that the kernel takes one of whenever something has come (`io_uring_register_buf_ring(3)`),
 * instead of one for each connection that waits. Each has HEADROOM_BYTES before it.
 */
export class BufferGroup {
  readonly group: number;
  readonly count: number;
  readonly ringAddress: bigint;
  readonly #strideBytes: number;
  readonly #sizeBytes: number;
  readonly #start: number;
  /** Low and high half of each one's address. */
  readonly #addresses: Int32Array;
  readonly #words: Int32Array;
  readonly #halves: Uint16Array;
  #tail = 0;

  /** @param count a power of 2, at most 32,768 */
  constructor(arena: Arena, group: number, count: number, sizeBytes: number) {
    const ringBytes = count * ENTRY_BYTES;
    const ringAt = (arena.reserve(ringBytes + PAGE_BYTES) + PAGE_BYTES - 1) & -PAGE_BYTES;
    this.group = group;
    this.count = count;
    this.ringAddress = arena.address(ringAt, ringBytes);
    const { buffer, byteOffset } = arena.bytes;
    this.#words = new Int32Array(buffer, byteOffset + ringAt, ringBytes >> 2);
    this.#halves = new Uint16Array(buffer, byteOffset + ringAt, ringBytes >> 1);
    this.#sizeBytes = sizeBytes;
    this.#strideBytes = HEADROOM_BYTES + sizeBytes;
    this.#start = arena.reserve(count * this.#strideBytes) + HEADROOM_BYTES;
    this.#addresses = new Int32Array(count * 2);
    for (let number = 0; number < count; number++) {
      const address = arena.address(this.startOf(number), sizeBytes);
      this.#addresses[number * 2] = Number(BigInt.asIntN(32, address));
      this.#addresses[number * 2 + 1] = Number(address >> 32n);
      this.giveBack(number);
    }
    this.publish();
  }

  /** Where a buffer begins in the arena. */
  startOf(number: number): number {
    return this.#start + number * this.#strideBytes;
  }

  /** The kernel's again, once `publish` has told it. */
  giveBack(number: number): void {
    const entry = this.#tail & (this.count - 1);
    const at = entry << 2;
    this.#words[at] = this.#addresses[number * 2]!;
    this.#words[at + 1] = this.#addresses[number * 2 + 1]!;
    this.#words[at + 2] = this.#sizeBytes;
    // The half behind it is the tail's, in the first entry.
    this.#halves[(entry << 3) + NUMBER_AT] = number;
    this.#tail = (this.#tail + 1) & 0xffff;
  }

  publish(): void {
    Atomics.store(this.#halves, TAIL_AT, this.#tail);
  }
}
