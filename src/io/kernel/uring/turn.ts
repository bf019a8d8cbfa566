import type { Arena } from '../arena.ts';
import { STAGE_BYTES } from '../poller.ts';
import type { BufferGroup } from './buffers.ts';

/** Room for what is sent in one turn. */
const STAGED_BYTES_MAX = 2 * 1024 * 1024;

/**
 * Memory that the sends of one turn may use: nothing of it is written again before all of them are
 * done.
 */
export class Turn {
  toldBytes = 0;
  /** Slots that send, and how much, in the order in which the kernel is told. */
  readonly #slots: number[] = [];
  readonly #lengths: number[] = [];
  /** How many of them have heard what came of it. */
  #told = 0;
  readonly #stageAt: number;
  #stagedBytes = 0;
  readonly #groups: readonly BufferGroup[];
  /** By group: the buffers that were received into, the first `#counts[group]`. */
  readonly #buffers: readonly Uint16Array[];
  readonly #counts: Int32Array;

  constructor(arena: Arena, groups: readonly BufferGroup[]) {
    this.#stageAt = arena.reserve(STAGED_BYTES_MAX);
    this.#groups = groups;
    this.#buffers = groups.map(({ count }) => new Uint16Array(count));
    this.#counts = new Int32Array(groups.length);
  }

  /** As `Poller.stage`. */
  stage(lengthBytes: number): number {
    if (lengthBytes > STAGE_BYTES || this.#stagedBytes + lengthBytes > STAGED_BYTES_MAX) return -1;
    const start = this.#stageAt + this.#stagedBytes;
    this.#stagedBytes += (lengthBytes + 63) & ~63;
    return start;
  }

  /** Sends that have not heard what came of it. */
  get sends(): number {
    return this.#slots.length - this.#told;
  }

  addSend(slot: number, lengthBytes: number): void {
    this.#slots.push(slot);
    this.#lengths.push(lengthBytes);
  }

  /** The slot of the next send that is to hear of it; `toldBytes` is how much it was. */
  tellNext(): number {
    this.toldBytes = this.#lengths[this.#told]!;
    const slot = this.#slots[this.#told]!;
    this.#told += 1;
    return slot;
  }

  /** Something was received into a buffer in this turn. */
  hold(group: number, buffer: number): void {
    const count = this.#counts[group]!;
    this.#buffers[group]![count] = buffer;
    this.#counts[group] = count + 1;
  }

  /** Its memory is free; its sends are done. */
  release(): void {
    this.#stagedBytes = 0;
    this.#slots.length = 0;
    this.#lengths.length = 0;
    this.#told = 0;
    for (let group = 0; group < this.#groups.length; group++) {
      const count = this.#counts[group]!;
      if (count === 0) continue;
      const owner = this.#groups[group]!;
      const buffers = this.#buffers[group]!;
      for (let index = 0; index < count; index++) owner.giveBack(buffers[index]!);
      owner.publish();
      this.#counts[group] = 0;
    }
  }
}
