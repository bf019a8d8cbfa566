import { Timer } from '../../base/wheel.ts';
import { answerText, answerTo } from '../answers/answers.ts';
import type { Failure } from '../answers/failures.ts';
import type { Engine } from '../exchange/engine.ts';
import type { Stream, StreamOwner } from '../ports/stream.ts';
import { TransientClient } from './client.ts';

/** How long it is waited for a first byte, and after the answer for the client's end. */
const PATIENCE_MS = 2_000;
/** What it still sends is read up to here, so that no reset eats the answer. */
const DISCARD_BYTES_MAX = 64 * 1024;

/**
 * A connection that is kept out: whatever it asks first is answered with the refusal, without a
 * look at it, and the connection closed.
 */
export class RefusedClient extends TransientClient implements StreamOwner {
  readonly #stream: Stream;
  readonly #timer: Timer;
  readonly #text: string;
  readonly #onGone: (client: RefusedClient) => void;
  #isAnswered = false;
  #isGone = false;
  #discardedBytes = 0;

  /** @param onGone called once, when the connection is over */
  constructor(
    engine: Engine,
    stream: Stream,
    code: Failure,
    nowMs: number,
    onGone: (client: RefusedClient) => void,
  ) {
    super();
    this.#stream = stream;
    this.#onGone = onGone;
    const answer = answerTo(code);
    if (answer.status === 429) answer.headerLines = 'Retry-After: 1\r\n';
    this.#text = answerText(answer, false, 'Connection: close\r\n', engine.dateLine());
    this.#timer = new Timer(engine.wheel, this);
    this.#timer.set(nowMs + PATIENCE_MS);
  }

  onOpen(): void {}
  onDrain(): void {}

  onBytes(_bytes: Buffer, start: number, end: number, nowMs: number): void {
    if (!this.#isAnswered) {
      this.#isAnswered = true;
      this.#stream.writeText(this.#text);
      this.#stream.end();
      this.#timer.set(nowMs + PATIENCE_MS);
    }
    this.#discardedBytes += end - start;
    if (this.#discardedBytes > DISCARD_BYTES_MAX) this.close();
  }

  onEnd(): void {
    this.close();
  }

  onClose(): void {
    this.#leave();
  }

  onTimer(): void {
    this.close();
  }

  crashed(): void {
    this.close();
  }

  drain(): void {
    this.close();
  }

  abort(): void {
    this.close();
  }

  close(): void {
    if (this.#isGone) return;
    this.#leave();
    this.#stream.destroy();
  }

  #leave(): void {
    if (this.#isGone) return;
    this.#isGone = true;
    this.#timer.dispose();
    this.#onGone(this);
  }
}
