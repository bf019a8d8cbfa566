import { type Arena, unmap } from '../arena.ts';
import { calls, EINVAL, errno, SHUT_WR } from '../calls.ts';
import { systemError } from '../errors.ts';
import { ffi, functionsOf } from '../ffi.ts';
import {
  ENTER_EXT_ARG,
  ENTER_GETEVENTS,
  REGISTER_PBUF_RING,
  SETUP_CQSIZE,
  SETUP_DEFER_TASKRUN,
  SETUP_NO_SQARRAY,
  SETUP_SINGLE_ISSUER,
  SETUP_SUBMIT_ALL,
} from './numbers.ts';
import type { RingMemory } from './ring.ts';
import type { UringKernel } from './uring-kernel.ts';

const SYS_SETUP = 425;
const SYS_ENTER = 426;
const SYS_REGISTER = 427;

/** The C library has no function for them. The last argument is one of the stack, all of it read. */
const setup = functionsOf({ syscall: { arguments: ['i64', 'u64', 'u64'], return: 'i32' } });
const enter = functionsOf({
  syscall: { arguments: ['i32', 'i32', 'u32', 'u32', 'u32', 'u64', 'u64'], return: 'i32' },
});
const register = functionsOf({
  syscall: { arguments: ['i64', 'i64', 'u64', 'u64', 'u64'], return: 'i32' },
});
const memory = functionsOf({
  mmap: { arguments: ['u64', 'u64', 'i32', 'i32', 'i32', 'i64'], return: 'u64' },
});

const PROT_READ_WRITE = 3;
const MAP_SHARED_POPULATE = 0x8001;
const MAP_FAILED = 2n ** 64n - 1n;
const OFFSET_RINGS = 0n;
const OFFSET_SUBMISSIONS = 0x10000000n;

/** `struct io_uring_params`: where its parts are, in words. */
const PARAMS_BYTES = 120;
const PARAM_SUBMISSIONS = 0;
const PARAM_COMPLETIONS = 1;
const PARAM_FLAGS = 2;
const PARAM_SUBMISSION_OFFSETS = 10;
const PARAM_COMPLETION_OFFSETS = 20;
const OFFSET_HEAD = 0;
const OFFSET_TAIL = 1;
const OFFSET_FLAGS = 4;
const OFFSET_ARRAY = 6;
const OFFSET_COMPLETIONS = 5;

const SUBMISSION_BYTES = 64;
const COMPLETION_BYTES = 16;

/** `struct io_uring_getevents_arg`, with the time behind it that it points to. */
const ARGUMENT_BYTES = 24;
const ARGUMENT = BigInt(ARGUMENT_BYTES);
const TIME_BYTES = 16;

/**
 * Sets a ring up.
 *
 * @param arena a little of it is used
 * @param submissionsMax @param completionsMax powers of 2
 * @throws the system's error: ENOSYS, EPERM, EINVAL where the kernel is older than Linux 6.1, ENOMEM
 */
export function openRing(
  arena: Arena,
  submissionsMax: number,
  completionsMax: number,
): UringKernel {
  const at = arena.reserve(PARAMS_BYTES);
  const params = arena.int32.subarray(at >> 2, (at + PARAMS_BYTES) >> 2);
  const flags = SETUP_CQSIZE | SETUP_SUBMIT_ALL | SETUP_SINGLE_ISSUER | SETUP_DEFER_TASKRUN;
  const trySetup = (more: number) => {
    params.fill(0);
    params[PARAM_COMPLETIONS] = completionsMax;
    params[PARAM_FLAGS] = flags | more;
    const address = arena.address(at, PARAMS_BYTES);
    return setup!.syscall(BigInt(SYS_SETUP), BigInt(submissionsMax), address);
  };
  let fd = trySetup(SETUP_NO_SQARRAY);
  if (fd < 0 && errno() === EINVAL) fd = trySetup(0);
  if (fd < 0) throw systemError('io_uring_setup', errno());
  try {
    return new LinuxRing(arena, fd, params);
  } catch (error) {
    calls.close(fd);
    throw error;
  }
}

class LinuxRing implements UringKernel {
  readonly fd: number;
  readonly memory: RingMemory;
  readonly mappings: readonly Mapped[];
  readonly #arena: Arena;
  readonly #argument: bigint;
  readonly #seconds: Int32Array;
  readonly #registrationAt: number;

  constructor(arena: Arena, fd: number, params: Int32Array) {
    this.fd = fd;
    this.#arena = arena;
    const ofSubmissions = params.subarray(PARAM_SUBMISSION_OFFSETS);
    const ofCompletions = params.subarray(PARAM_COMPLETION_OFFSETS);
    const submissionsMax = params[PARAM_SUBMISSIONS]!;
    const completionsMax = params[PARAM_COMPLETIONS]!;
    const hasArray = (params[PARAM_FLAGS]! & SETUP_NO_SQARRAY) === 0;
    const arrayAt = hasArray ? ofSubmissions[OFFSET_ARRAY]! : 0;
    const completionsAt = ofCompletions[OFFSET_COMPLETIONS]!;
    const ringBytes = Math.max(
      completionsAt + completionsMax * COMPLETION_BYTES,
      arrayAt + submissionsMax * 4,
    );
    const rings = map(fd, OFFSET_RINGS, ringBytes);
    const submissions = map(fd, OFFSET_SUBMISSIONS, submissionsMax * SUBMISSION_BYTES);
    this.mappings = [rings, submissions];
    // An older kernel looks up where each submission lies: always in its own place.
    if (hasArray) for (let i = 0; i < submissionsMax; i++) rings.words[(arrayAt >> 2) + i] = i;
    this.memory = {
      words: rings.words,
      submissionHeadAt: ofSubmissions[OFFSET_HEAD]! >> 2,
      submissionTailAt: ofSubmissions[OFFSET_TAIL]! >> 2,
      submissionFlagsAt: ofSubmissions[OFFSET_FLAGS]! >> 2,
      completionHeadAt: ofCompletions[OFFSET_HEAD]! >> 2,
      completionTailAt: ofCompletions[OFFSET_TAIL]! >> 2,
      completionsAt: completionsAt >> 2,
      submissionsMax,
      completionsMax,
      submissions: submissions.words,
    };
    const argumentAt = arena.reserve(ARGUMENT_BYTES);
    const timeAt = arena.reserve(TIME_BYTES);
    this.#argument = arena.address(argumentAt, ARGUMENT_BYTES);
    arena.bytes.fill(0, argumentAt, argumentAt + ARGUMENT_BYTES);
    arena.bytes.writeBigUInt64LE(arena.address(timeAt, TIME_BYTES), argumentAt + 16);
    this.#seconds = arena.int32.subarray(timeAt >> 2, (timeAt + TIME_BYTES) >> 2);
    this.#registrationAt = arena.reserve(REGISTRATION_BYTES);
  }

  readonly enter = (submissions: number, waitMs: number): number => {
    const { fd } = this;
    let result: number;
    if (waitMs > 0) {
      const seconds = Math.trunc(waitMs / 1000);
      this.#seconds[0] = seconds;
      this.#seconds[2] = Math.round((waitMs - seconds * 1000) * 1e6);
      const flags = ENTER_GETEVENTS | ENTER_EXT_ARG;
      result = enter!.syscall(SYS_ENTER, fd, submissions, 1, flags, this.#argument, ARGUMENT);
    } else {
      result = enter!.syscall(SYS_ENTER, fd, submissions, 0, ENTER_GETEVENTS, 0n, 0n);
    }
    return result < 0 ? -errno() : result;
  };

  provide(group: number, ringAddress: bigint, count: number): void {
    const at = this.#registrationAt;
    const { bytes } = this.#arena;
    bytes.fill(0, at, at + REGISTRATION_BYTES);
    bytes.writeBigUInt64LE(ringAddress, at);
    bytes.writeUInt32LE(count, at + 8);
    bytes.writeUInt16LE(group, at + 12);
    const address = this.#arena.address(at, REGISTRATION_BYTES);
    const [call, fd, what] = [BigInt(SYS_REGISTER), BigInt(this.fd), BigInt(REGISTER_PBUF_RING)];
    if (register!.syscall(call, fd, what, address, 1n) >= 0) return;
    throw systemError('io_uring_register', errno());
  }

  shutdown(fd: number): void {
    calls.shutdown(fd, SHUT_WR);
  }

  close(fd: number): void {
    calls.close(fd);
  }

  end(): void {
    calls.close(this.fd);
    for (const { address, lengthBytes } of this.mappings) unmap(address, lengthBytes);
  }
}

/** `struct io_uring_buf_reg`. */
const REGISTRATION_BYTES = 40;

interface Mapped {
  readonly address: bigint;
  readonly lengthBytes: number;
  readonly words: Int32Array;
}

/** @throws the system's error */
function map(fd: number, offset: bigint, lengthBytes: number): Mapped {
  const length = BigInt(lengthBytes);
  const address = memory!.mmap(0n, length, PROT_READ_WRITE, MAP_SHARED_POPULATE, fd, offset);
  if (address === MAP_FAILED) throw systemError('mmap', errno());
  const words = new Int32Array(ffi!.toArrayBuffer(address as bigint, lengthBytes, false));
  return { address: address as bigint, lengthBytes, words };
}
