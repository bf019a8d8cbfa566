import { Timer, type TimerOwner } from '../base/wheel.ts';
import { TransientClient } from '../core/clients/client.ts';
import type { WorkerContext } from '../core/ports/worker-context.ts';
import type { Handshake } from '../io/backend.ts';
import type { Seat } from './seat.ts';

/** Time for handshakes in progress when the thread ends. */
const LAST_HANDSHAKES_MS = 1_000;

/** A client whose handshake is under way. */
export class PendingClient extends TransientClient implements TimerOwner {
  handshake: Handshake | null = null;
  readonly #context: WorkerContext;
  readonly #seat: Seat;
  readonly #onGone: (client: PendingClient) => void;
  /** Runs while it drains. */
  #timer: Timer | null = null;

  constructor(context: WorkerContext, seat: Seat, onGone: (client: PendingClient) => void) {
    super();
    this.#context = context;
    this.#seat = seat;
    this.#onGone = onGone;
  }

  /** Its request comes with the end of the handshake, and is answered. */
  drain(): void {
    const { wheel, clock } = this.#context;
    this.#timer ??= new Timer(wheel, this);
    this.#timer.set(clock.nowMs() + LAST_HANDSHAKES_MS);
  }

  onTimer(): void {
    this.abort();
  }

  crashed(): void {
    this.abort();
  }

  abort(): void {
    this.handshake?.abort();
    this.#seat.leave();
    this.leave();
  }

  /** The handshake is over. */
  leave(): void {
    this.#timer?.dispose();
    this.#onGone(this);
  }
}
