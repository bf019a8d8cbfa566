import type { Clock } from '../base/clock.ts';
import type { Contain } from '../base/contain.ts';
import type { CloseCause, StreamOwner } from '../core/ports/stream.ts';

/** What streams are made with. */
export interface ContainingContext {
  readonly clock: Clock;
  /** Takes what the owner of a stream throws. */
  readonly contain: Contain;
}

/** The part of a stream that tells its owner: what that throws costs this stream, and nothing else. */
export abstract class ContainingStream<Context extends ContainingContext> {
  owner: StreamOwner;
  protected readonly context: Context;

  constructor(context: Context, owner: StreamOwner) {
    this.context = context;
    this.owner = owner;
  }

  /** As `Stream.destroy`. */
  abstract destroy(): void;

  protected tellOpen(): void {
    const { owner } = this;
    const nowMs = this.context.clock.nowMs();
    try {
      owner.onOpen(nowMs);
    } catch (error) {
      this.#crashed(error, owner, nowMs);
    }
  }

  protected tellBytes(
    bytes: Buffer,
    start: number,
    end: number,
    nowMs: number = this.context.clock.nowMs(),
  ): void {
    const { owner } = this;
    try {
      owner.onBytes(bytes, start, end, nowMs);
    } catch (error) {
      this.#crashed(error, owner, nowMs);
    }
  }

  protected tellDrain(nowMs: number = this.context.clock.nowMs()): void {
    const { owner } = this;
    try {
      owner.onDrain(nowMs);
    } catch (error) {
      this.#crashed(error, owner, nowMs);
    }
  }

  protected tellEnd(nowMs: number = this.context.clock.nowMs()): void {
    const { owner } = this;
    try {
      owner.onEnd(nowMs);
    } catch (error) {
      this.#crashed(error, owner, nowMs);
    }
  }

  protected tellClose(cause: CloseCause, nowMs: number = this.context.clock.nowMs()): void {
    const { owner } = this;
    try {
      owner.onClose(cause, nowMs);
    } catch (error) {
      this.#crashed(error, owner, nowMs);
    }
  }

  /** @param owner as it was when it was called: it may have handed the stream on */
  #crashed(error: unknown, owner: StreamOwner, nowMs: number): void {
    this.context.contain(error, owner, nowMs);
    this.destroy();
  }
}
