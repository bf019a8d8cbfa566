/** How io_uring is told what to do, and tells what came of it: two rings in memory shared with the kernel. */
import { EAGAIN, EINTR } from '../calls.ts';
import { systemError } from '../errors.ts';
import { CQ_OVERFLOW, EBUSY, ENOMEM, ETIME } from './numbers.ts';

/** What the kernel and this process share. Places are in words of 32 bits. */
export interface RingMemory {
  /** Heads, tails and completions. */
  readonly words: Int32Array;
  readonly submissionHeadAt: number;
  readonly submissionTailAt: number;
  readonly submissionFlagsAt: number;
  readonly completionHeadAt: number;
  readonly completionTailAt: number;
  readonly completionsAt: number;
  /** Powers of 2. */
  readonly submissionsMax: number;
  readonly completionsMax: number;
  /** 16 words each; those that this file does not write stay 0. */
  readonly submissions: Int32Array;
}

/**
 * Enters the kernel: it takes operations, and completes what it can.
 *
 * @param waitMs how long it waits for a completion where there is none
 * @returns how many it took, or -errno
 */
export type EnterRing = (submissions: number, waitMs: number) => number;

const SUBMISSION_WORDS_LOG2 = 4;
const COMPLETION_WORDS_LOG2 = 2;
/** The kernel takes operations unless it has no memory for one. */
const ROOM_TRIES_MAX = 32;

export class Ring {
  /** A completion is 4 words of it: the operation's slot and tag, its result, its flags. */
  readonly words: Int32Array;
  readonly #memory: RingMemory;
  readonly #submissions: Int32Array;
  readonly #submissionMask: number;
  readonly #completionMask: number;
  readonly #completionsAt: number;
  readonly #enter: EnterRing;
  #tail: number;
  #head: number;
  /** Operations that the kernel has not been told. */
  pending = 0;

  constructor(memory: RingMemory, enter: EnterRing) {
    this.words = memory.words;
    this.#memory = memory;
    this.#submissions = memory.submissions;
    this.#submissionMask = memory.submissionsMax - 1;
    this.#completionMask = memory.completionsMax - 1;
    this.#completionsAt = memory.completionsAt;
    this.#enter = enter;
    this.#tail = memory.words[memory.submissionTailAt]!;
    this.#head = memory.words[memory.completionHeadAt]!;
  }

  /**
   * An operation, for the next `submit`; where the ring is full, the kernel is told at once.
   *
   * @param operation its code, with its flags above
   * @param low @param high the address
   * @param slot @param tag what its completions carry
   * @param group of buffers
   */
  put(
    operation: number,
    fd: number,
    low: number,
    high: number,
    lengthBytes: number,
    flags: number,
    slot: number,
    tag: number,
    group: number,
  ): void {
    if (this.pending > this.#submissionMask) this.#makeRoom();
    const words = this.#submissions;
    const at = (this.#tail & this.#submissionMask) << SUBMISSION_WORDS_LOG2;
    words[at] = operation;
    words[at + 1] = fd;
    words[at + 4] = low;
    words[at + 5] = high;
    words[at + 6] = lengthBytes;
    words[at + 7] = flags;
    words[at + 8] = slot;
    words[at + 9] = tag;
    words[at + 10] = group;
    this.#tail = (this.#tail + 1) | 0;
    this.pending += 1;
  }

  /**
   * Tells the kernel all operations, and what was taken of the completions. Completions that found no
   * room in the ring come into it now.
   *
   * @throws the system's error where the ring is of no use
   */
  submit(waitMs: number): void {
    const { words, submissionHeadAt, submissionTailAt } = this.#memory;
    Atomics.store(words, submissionTailAt, this.#tail);
    this.release();
    const result = this.#enter(this.pending, waitMs);
    this.pending = (this.#tail - Atomics.load(words, submissionHeadAt)) | 0;
    if (result < 0 && !isPassing(-result)) throw systemError('io_uring_enter', -result);
  }

  /** Whether all that the kernel was told is decided, so far as it is done within the call. */
  isUpToDate(): boolean {
    if (this.pending > 0) return false;
    return (Atomics.load(this.words, this.#memory.submissionFlagsAt) & CQ_OVERFLOW) === 0;
  }

  /** How many completions there are. */
  completed(): number {
    return (Atomics.load(this.words, this.#memory.completionTailAt) - this.#head) | 0;
  }

  /** Where one that was not taken is. @param index below `completed` */
  peek(index: number): number {
    const place = (this.#head + index) & this.#completionMask;
    return this.#completionsAt + (place << COMPLETION_WORDS_LOG2);
  }

  /** Takes the next completion. @returns where it is in `words`; good until `release` or `submit` */
  take(): number {
    const at = this.#completionsAt + ((this.#head & this.#completionMask) << COMPLETION_WORDS_LOG2);
    this.#head = (this.#head + 1) | 0;
    return at;
  }

  /** The kernel may use the places of what was taken. */
  release(): void {
    Atomics.store(this.words, this.#memory.completionHeadAt, this.#head);
  }

  #makeRoom(): void {
    for (let tries = 0; tries < ROOM_TRIES_MAX; tries++) {
      this.submit(0);
      if (this.pending <= this.#submissionMask) return;
    }
    throw new Error('io_uring takes no operations');
  }
}

/** Whether the next turn may find it gone. */
function isPassing(errno: number): boolean {
  return (
    errno === EINTR || errno === ETIME || errno === EAGAIN || errno === EBUSY || errno === ENOMEM
  );
}
