/**
 * A kernel in memory, as far as the poller knows it: it completes what it is asked for late, in parts,
 * in another order, or not as was hoped, as a random generator says. It fails the test where it is
 * told what would harm a real one.
 */
import assert from 'node:assert/strict';
import type { Random } from '../../../base/random.ts';
import type { Arena } from '../arena.ts';
import { EAGAIN, EINTR, EMFILE, EPIPE, MSG_DONTWAIT } from '../calls.ts';
import {
  BUFFER_SHIFT,
  CQ_OVERFLOW,
  ECANCELED,
  ENOBUFS,
  ETIME,
  HAS_BUFFER,
  HAS_MORE,
  MSG_WAITALL,
  OP_ACCEPT,
  OP_ASYNC_CANCEL,
  OP_CLOSE,
  OP_POLL_ADD,
  OP_RECV,
  OP_SEND,
  OP_TIMEOUT,
  SKIP_SUCCESS,
} from './numbers.ts';
import type { RingMemory } from './ring.ts';
import type { UringKernel } from './uring-kernel.ts';

const ENOENT = 2;
const ECONNRESET = 104;
/** Small, so that they overflow. */
const SUBMISSIONS_MAX = 8;
const COMPLETIONS_MAX = 16;
const FIRST_FD = 3;
/** A generation that no slot reaches. */
const STALE = 1 << 30;

/** One connection, as its peer sees it. */
export class SimulatedConnection {
  readonly seed: number;
  /** How much comes, and how it ends then, an errno. */
  readonly comesBytes: number;
  readonly endsBy: number;
  comeBytes = 0;
  sent: Buffer = Buffer.alloc(0);
  isShutDown = false;

  constructor(seed: number, random: Random) {
    this.seed = seed;
    this.comesBytes = Math.floor(random() ** 3 * 200_000);
    this.endsBy = random() < 0.2 ? ECONNRESET : 0;
  }

  /** What its peer says at a place. */
  byteAt(index: number): number {
    return (this.seed * 7919 + index * 13 + (index >> 8)) & 0xff;
  }
}

/** A socket that listens; connections come out of nothing. */
export class SimulatedListener {
  left = 30;
}

interface Operation {
  readonly code: number;
  readonly isMultishot: boolean;
  readonly file: SimulatedConnection | SimulatedListener | null;
  readonly start: number;
  readonly lengthBytes: number;
  readonly slot: number;
  readonly tag: number;
  readonly group: number;
  isCancelled: boolean;
}

interface Group {
  readonly ringAt: number;
  readonly count: number;
  head: number;
  /** Which the kernel has. */
  readonly isOurs: Set<number>;
  readonly queue: { number: number; start: number; lengthBytes: number }[];
}

export class SimulatedKernel implements UringKernel {
  readonly fd = -2;
  /** Descriptors that are held no more, and about to be closed. */
  readonly letGo = new Set<number>();
  readonly memory: RingMemory;
  readonly mappings: readonly [] = [];
  /** No more mishaps, and everything at once. */
  isCalm = false;
  readonly operations: Operation[] = [];
  readonly files = new Map<number, SimulatedConnection | SimulatedListener>();
  readonly #arena: Arena;
  readonly #base: bigint;
  readonly #random: Random;
  readonly #groups: Group[] = [];
  readonly #overflow: [number, number, number, number][] = [];
  #lastSend: Operation | null = null;
  #head = 0;
  #tail = 0;
  #seed = 0;

  constructor(arena: Arena, random: Random) {
    this.#arena = arena;
    this.#base = arena.address(0, 0);
    this.#random = random;
    this.memory = {
      words: new Int32Array(8 + COMPLETIONS_MAX * 4),
      submissionHeadAt: 0,
      submissionTailAt: 1,
      completionHeadAt: 2,
      completionTailAt: 3,
      submissionFlagsAt: 4,
      completionsAt: 8,
      submissionsMax: SUBMISSIONS_MAX,
      completionsMax: COMPLETIONS_MAX,
      submissions: new Int32Array(SUBMISSIONS_MAX * 16),
    };
  }

  /** A new connection's descriptor: the lowest that is free, as always. */
  open(file: SimulatedConnection | SimulatedListener = this.#connection()): number {
    let fd = FIRST_FD;
    while (this.files.has(fd)) fd += 1;
    this.files.set(fd, file);
    return fd;
  }

  readonly enter = (submissions: number, waitMs: number): number => {
    const { words, submissionTailAt, submissionHeadAt } = this.memory;
    assert.equal((words[submissionTailAt]! - this.#head) | 0, submissions);
    this.#takeBuffers();
    if (this.#chance(0.02)) return -EINTR;
    const taken = this.#chance(0.05) ? Math.floor(this.#random() * submissions) : submissions;
    for (let count = 0; count < taken; count++) {
      this.#submit((this.#head & (SUBMISSIONS_MAX - 1)) * 16);
      this.#head = (this.#head + 1) | 0;
      words[submissionHeadAt] = this.#head;
    }
    this.#flushOverflow();
    this.#work(0.5);
    if (waitMs > 0 && this.#completions() === 0) this.#work(1);
    if (waitMs > 0 && this.#completions() === 0 && taken === 0) return -ETIME;
    return taken;
  };

  provide(group: number, ringAddress: bigint, count: number): void {
    const ringAt = Number(ringAddress - this.#base);
    assert.equal(ringAt % 4096, 0);
    this.#groups[group] = { ringAt, count, head: 0, isOurs: new Set(), queue: [] };
  }

  shutdown(fd: number): void {
    const file = this.files.get(fd);
    assert.ok(file instanceof SimulatedConnection, `${fd} is shut down, but not open`);
    file.isShutDown = true;
  }

  close(fd: number): void {
    assert.ok(this.files.delete(fd), `${fd} is closed, but not open`);
  }

  end(): void {}

  /** Whether all buffers are back, and all completions taken. */
  assertQuiet(): void {
    this.#takeBuffers();
    assert.deepEqual(this.operations, []);
    assert.equal(this.#completions() + this.#overflow.length, 0);
    for (const { count, isOurs } of this.#groups) assert.equal(isOurs.size, count);
  }

  #connection(): SimulatedConnection {
    this.#seed += 1;
    return new SimulatedConnection(this.#seed, this.#random);
  }

  #chance(probability: number): boolean {
    return !this.isCalm && this.#random() < probability;
  }

  #submit(at: number): void {
    const words = this.memory.submissions;
    const code = words[at]! & 0xff;
    const [slot, tag] = [words[at + 8]!, words[at + 9]!];
    if (code === OP_ASYNC_CANCEL) {
      const target = this.operations.find(
        (one) => one.slot === words[at + 4] && one.tag === words[at + 5],
      );
      if (target === undefined) this.#post(slot, tag, -ENOENT, 0);
      else target.isCancelled = true;
      return;
    }
    if (code === OP_CLOSE) {
      assert.notEqual(words[at]! & SKIP_SUCCESS, 0);
      assert.ok(this.letGo.delete(words[at + 1]!), 'closed while it is held');
      return this.close(words[at + 1]!);
    }
    const file = this.files.get(words[at + 1]!) ?? null;
    if (code !== OP_TIMEOUT) assert.ok(file !== null, `operation ${code} on what is not open`);
    const operation: Operation = {
      code,
      isMultishot: words[at]! >>> 16 !== 0,
      file,
      start: code === OP_SEND ? this.#placeOf(words[at + 4]!, words[at + 5]!) : 0,
      lengthBytes: words[at + 6]!,
      slot,
      tag,
      group: words[at + 10]!,
      isCancelled: false,
    };
    if (code === OP_SEND) this.#send(operation, words[at]!, words[at + 7]!);
    else this.operations.push(operation);
  }

  /** Goes on with what it was asked for, some of it. */
  #work(probability: number): void {
    if (this.#chance(0.05)) this.#postStale();
    for (const operation of [...this.operations]) {
      if (!this.isCalm && this.#random() >= probability) continue;
      if (this.#isDone(operation)) this.operations.splice(this.operations.indexOf(operation), 1);
    }
  }

  #isDone(operation: Operation): boolean {
    const { code, slot, tag, isCancelled } = operation;
    if (isCancelled && !this.#chance(0.3)) {
      this.#post(slot, tag, -ECANCELED, 0);
      return true;
    }
    switch (code) {
      case OP_RECV:
        return this.#receive(operation);
      case OP_ACCEPT:
        return this.#accept(operation);
      case OP_POLL_ADD:
        this.#post(slot, tag, 4, 0);
        return true;
      default:
        assert.equal(code, OP_TIMEOUT);
        this.#post(slot, tag, -ETIME, 0);
        return true;
    }
  }

  /** Done within the call. Only where it failed has it a completion, as a real one's. */
  #send(operation: Operation, code: number, flags: number): void {
    const { file, start, lengthBytes, slot, tag } = operation;
    assert.notEqual(flags & MSG_DONTWAIT, 0);
    this.#lastSend = operation;
    const connection = file as SimulatedConnection;
    assert.equal(connection.isShutDown, false, 'sends after the end');
    let result = lengthBytes;
    if (this.#chance(0.2)) result = 1 + Math.floor(this.#random() * lengthBytes);
    if (this.#chance(0.1)) result = -EAGAIN;
    if (this.#chance(0.01)) result = -EPIPE;
    if (result > 0) {
      const bytes = this.#arena.bytes.subarray(start, start + result);
      connection.sent = Buffer.concat([connection.sent, bytes]);
    }
    const hasFailed = result < (flags & MSG_WAITALL ? lengthBytes : 1);
    if (hasFailed || (code & SKIP_SUCCESS) === 0) this.#post(slot, tag, result, 0);
  }

  #receive({ file, group, slot, tag, isMultishot }: Operation): boolean {
    const connection = file as SimulatedConnection;
    if (this.#chance(0.02)) return this.#endReceive(slot, tag, -EAGAIN);
    if (connection.comeBytes === connection.comesBytes) {
      return this.#endReceive(slot, tag, -connection.endsBy);
    }
    const buffer = this.#chance(0.1) ? undefined : this.#groups[group]!.queue.shift();
    if (buffer === undefined) return this.#endReceive(slot, tag, -ENOBUFS);
    this.#groups[group]!.isOurs.delete(buffer.number);
    const most = Math.min(buffer.lengthBytes, connection.comesBytes - connection.comeBytes);
    const lengthBytes = this.#chance(0.7) ? 1 + Math.floor(this.#random() * most) : most;
    for (let index = 0; index < lengthBytes; index++) {
      this.#arena.bytes[buffer.start + index] = connection.byteAt(connection.comeBytes + index);
    }
    connection.comeBytes += lengthBytes;
    const hasMore = isMultishot && !this.#chance(0.05);
    const flags = HAS_BUFFER | (buffer.number << BUFFER_SHIFT) | (hasMore ? HAS_MORE : 0);
    this.#post(slot, tag, lengthBytes, flags);
    return !hasMore;
  }

  #endReceive(slot: number, tag: number, result: number): true {
    this.#post(slot, tag, result, 0);
    return true;
  }

  #accept({ file, slot, tag }: Operation): boolean {
    if (this.#chance(0.1)) return this.#endReceive(slot, tag, -EMFILE);
    const listener = file as SimulatedListener;
    if (listener.left === 0) return false;
    listener.left -= 1;
    const hasMore = !this.#chance(0.1);
    this.#post(slot, tag, this.open(), hasMore ? HAS_MORE : 0);
    return !hasMore;
  }

  /** Of a generation that is gone: what it brings must be given back. */
  #postStale(): void {
    const like = this.operations[Math.floor(this.#random() * this.operations.length)];
    if (this.#lastSend !== null && this.#chance(0.5)) {
      return this.#post(this.#lastSend.slot, this.#lastSend.tag ^ STALE, -EPIPE, 0);
    }
    if (like === undefined) return;
    const tag = like.tag ^ STALE;
    const group = this.#groups[like.group]!;
    if (like.code === OP_ACCEPT) this.#post(like.slot, tag, this.open(), 0);
    else if (like.code === OP_RECV) {
      const buffer = group.queue.shift();
      if (buffer === undefined) return;
      group.isOurs.delete(buffer.number);
      this.#post(like.slot, tag, 1, HAS_BUFFER | (buffer.number << BUFFER_SHIFT));
    } else this.#post(like.slot, tag, 4, 0);
  }

  /** Takes the buffers that it was given: whoever still reads them reads rubbish. */
  #takeBuffers(): void {
    for (const group of this.#groups) {
      const { bytes, int32 } = this.#arena;
      const tail = bytes.readUInt16LE(group.ringAt + 14);
      for (; group.head !== tail; group.head = (group.head + 1) & 0xffff) {
        const at = group.ringAt + (group.head & (group.count - 1)) * 16;
        const number = bytes.readUInt16LE(at + 12);
        const start = this.#placeOf(int32[at >> 2]!, int32[(at >> 2) + 1]!);
        const lengthBytes = int32[(at >> 2) + 2]!;
        assert.equal(group.isOurs.has(number), false, `buffer ${number} was given back twice`);
        group.isOurs.add(number);
        bytes.fill(0xee, start, start + Math.min(lengthBytes, 256));
        group.queue.push({ number, start, lengthBytes });
      }
    }
  }

  #post(slot: number, tag: number, result: number, flags: number): void {
    if (this.#overflow.length > 0 || this.#completions() === COMPLETIONS_MAX) {
      this.#overflow.push([slot, tag, result, flags]);
      this.memory.words[this.memory.submissionFlagsAt] = CQ_OVERFLOW;
      return;
    }
    const { words, completionsAt, completionTailAt } = this.memory;
    words.set([slot, tag, result, flags], completionsAt + (this.#tail & (COMPLETIONS_MAX - 1)) * 4);
    this.#tail = (this.#tail + 1) | 0;
    words[completionTailAt] = this.#tail;
  }

  #flushOverflow(): void {
    const waiting = this.#overflow.splice(0);
    this.memory.words[this.memory.submissionFlagsAt] = 0;
    for (const completion of waiting) this.#post(...completion);
  }

  #completions(): number {
    return (this.#tail - this.memory.words[this.memory.completionHeadAt]!) | 0;
  }

  #placeOf(low: number, high: number): number {
    const address = (BigInt(high) << 32n) | BigInt(low >>> 0);
    const start = Number(address - this.#base);
    this.#arena.check(start, 1);
    return start;
  }
}
