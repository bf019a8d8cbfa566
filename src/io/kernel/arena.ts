import { ffi, functionsOf } from './ffi.ts';

const PROT_READ_WRITE = 3;
const MAP_PRIVATE_ANONYMOUS = 0x22;
/** `mmap` has failed. */
const MAP_FAILED = 2n ** 64n - 1n;

const memory = functionsOf({
  mmap: { arguments: ['u64', 'u64', 'i32', 'i32', 'i32', 'i64'], return: 'u64' },
  munmap: { arguments: ['u64', 'u64'], return: 'i32' },
});

/**
 * Memory that the kernel reads and writes: one block of fixed size and place, which no collector
 * moves or frees, not even when its thread dies in the middle of a call. Every address that a system
 * call is given comes from here, checked.
 */
export class Arena {
  readonly bytes: Buffer;
  readonly int32: Int32Array;
  readonly sizeBytes: number;
  readonly #start: bigint;
  #reservedBytes = 0;

  private constructor(start: bigint, sizeBytes: number) {
    this.bytes = Buffer.from(ffi!.toArrayBuffer(start, sizeBytes, false));
    this.int32 = new Int32Array(this.bytes.buffer, this.bytes.byteOffset, sizeBytes >> 2);
    this.sizeBytes = sizeBytes;
    this.#start = start;
  }

  /**
   * Pages that are never touched cost nothing.
   *
   * @param sizeBytes above 0, a multiple of 4096
   * @throws Error where the system gives no memory
   */
  static map(sizeBytes: number): Arena {
    const start = memory!.mmap(
      0n,
      BigInt(sizeBytes),
      PROT_READ_WRITE,
      MAP_PRIVATE_ANONYMOUS,
      -1,
      0n,
    ) as bigint;
    if (start === MAP_FAILED) throw new Error(`the system gives no ${sizeBytes} bytes of memory`);
    return new Arena(start, sizeBytes);
  }

  /**
   * Sets a part aside for good.
   *
   * @returns where it begins, a multiple of 64
   * @throws RangeError where no room is left
   */
  reserve(lengthBytes: number): number {
    const start = (this.#reservedBytes + 63) & ~63;
    this.check(start, lengthBytes);
    this.#reservedBytes = start + lengthBytes;
    return start;
  }

  /**
   * The address of a part.
   *
   * @throws RangeError where it is not all inside
   */
  address(start: number, lengthBytes: number): bigint {
    this.check(start, lengthBytes);
    return this.#start + BigInt(start);
  }

  /** @throws RangeError where a part is not all inside */
  check(start: number, lengthBytes: number): void {
    if (!(start >= 0 && lengthBytes >= 0 && start + lengthBytes <= this.sizeBytes)) {
      throw new RangeError(`${start}+${lengthBytes} is outside of the arena`);
    }
  }

  /** Gives the memory back. Nothing may use it any more, the kernel included. */
  unmap(): void {
    unmap(this.#start, this.sizeBytes);
  }
}

/** Gives memory back. Nothing may use it any more, the kernel included. */
export function unmap(start: bigint, lengthBytes: number): void {
  memory!.munmap(start, BigInt(lengthBytes));
}
