import { answerText, answerTo } from '../answers/answers.ts';
import type { Failure } from '../answers/failures.ts';
import type { Engine } from '../exchange/engine.ts';
import type { Stream } from '../ports/stream.ts';
import { TransientConnection } from './transient-connection.ts';

/** How long a first byte is awaited, and after the answer the client's end. */
const PATIENCE_MS = 2_000;
/** What it still sends is read up to here, so that no reset eats the answer. */
const DISCARD_BYTES_MAX = 64 * 1024;

/**
 * A refused connection: its first bytes, whatever they are, get the refusal as an answer, and it is
 * closed.
 */
export class RefusedClient extends TransientConnection {
  readonly #text: string;
  readonly #onGone: (client: RefusedClient) => void;
  #isAnswered = false;
  #discardedBytes = 0;

  /** @param onGone called once, when the connection is over */
  constructor(
    engine: Pick<Engine, 'wheel' | 'dateLine'>,
    stream: Stream,
    code: Failure,
    nowMs: number,
    onGone: (client: RefusedClient) => void,
  ) {
    super(engine.wheel, stream, nowMs + PATIENCE_MS);
    this.#onGone = onGone;
    const answer = answerTo(code);
    if (answer.status === 429) answer.headerLines = 'Retry-After: 1\r\n';
    this.#text = answerText(answer, false, 'Connection: close\r\n', engine.dateLine());
  }

  onBytes(_bytes: Buffer, start: number, end: number, nowMs: number): void {
    if (!this.#isAnswered) {
      this.#isAnswered = true;
      this.stream.writeText(this.#text);
      this.stream.end();
      this.timer.set(nowMs + PATIENCE_MS);
    }
    this.#discardedBytes += end - start;
    if (this.#discardedBytes > DISCARD_BYTES_MAX) this.close();
  }

  onTimer(): void {
    this.close();
  }

  drain(): void {
    this.close();
  }

  protected onOver(): void {
    this.#onGone(this);
  }
}
