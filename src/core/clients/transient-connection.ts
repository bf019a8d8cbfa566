import { Timer, type TimerOwner, type TimerWheel } from '../../base/wheel.ts';
import type { Stream, StreamOwner } from '../ports/stream.ts';
import { TransientClient } from './client.ts';

/** A transient client's connection. It ends with its stream, or when its time is up. */
export abstract class TransientConnection
  extends TransientClient
  implements StreamOwner, TimerOwner
{
  protected readonly stream: Stream;
  protected readonly timer: Timer;
  #isOver = false;

  constructor(wheel: TimerWheel, stream: Stream, deadlineMs: number) {
    super();
    this.stream = stream;
    this.timer = new Timer(wheel, this);
    this.timer.set(deadlineMs);
  }

  abstract onBytes(bytes: Buffer, start: number, end: number, nowMs: number): void;
  abstract onTimer(): void;

  /** Called once the connection is closed, by either side. */
  protected abstract onOver(): void;

  get isOver(): boolean {
    return this.#isOver;
  }

  /** Lets go of the connection, which may live on. */
  protected leave(): void {
    this.#isOver = true;
    this.timer.dispose();
  }

  close(): void {
    if (this.#isOver) return;
    this.leave();
    this.stream.destroy();
    this.onOver();
  }

  onClose(): void {
    if (this.#isOver) return;
    this.leave();
    this.onOver();
  }

  onEnd(): void {
    this.close();
  }

  abort(): void {
    this.close();
  }

  crashed(): void {
    this.close();
  }

  onOpen(): void {}
  onDrain(): void {}
}
