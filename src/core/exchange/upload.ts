import type { Waf } from '../../waf/index.ts';
import type { Failure } from '../answers/failures.ts';
import { BodyReader } from '../http1/body.ts';
import type { Fault } from '../http1/faults.ts';
import type { Framing } from '../http1/framing.ts';
import type { Head } from '../http1/head.ts';
import type { Route } from '../routes/route.ts';
import { HeldBody } from '../servers/held-body.ts';
import type { ServerSide } from '../servers/server-side.ts';
import { Screening, type WaitingBodies } from './screening.ts';

/** The exchange whose request body an upload is. */
export interface UploadOwner {
  readonly client: { pauseBody(): void; resumeBody(): void };
  readonly connection: ServerSide | null;
  readonly route: Route | null;
  /** It waits for its turn, or to be tried again. */
  readonly isWaiting: boolean;
  readonly isIdempotent: boolean;
  readonly responseHasBegun: boolean;
  /** The body is whole, and so is what the present server was sent of it. */
  requestSent(nowMs: number): void;
  /** The firewall has let the body pass: the request goes to its first server. */
  tryNext(nowMs: number): void;
  clientFailed(failure: Fault, nowMs: number): void;
  answer(code: Failure, nowMs: number): void;
}

/**
 * A request's body on its way from the client to a server: looked at by the firewall, held while
 * there is no server to send it to, kept for another attempt, and paused where the server is slow.
 */
export class Upload {
  readonly body = new BodyReader();
  /** Bytes that came from the client; those of a tunnel are added. */
  byteCount = 0;
  readonly #owner: UploadOwner;
  readonly #waitingBodies: WaitingBodies;
  readonly #held = new HeldBody();
  #isPaused = false;
  /** null: the firewall never looked. */
  #screening: Screening | null = null;
  #isScreened = false;

  constructor(owner: UploadOwner, waitingBodies: WaitingBodies) {
    this.#owner = owner;
    this.#waitingBodies = waitingBodies;
  }

  /** Another request: nothing of its body has come. */
  begin(framing: Framing): void {
    this.body.begin(framing.body, framing.contentLength);
    this.byteCount = 0;
    this.#held.begin();
    this.#isPaused = false;
    this.#isScreened = false;
  }

  /** Whether every byte that came so far could be sent once more. */
  get canReplay(): boolean {
    return this.#held.isWhole;
  }

  /** What the firewall says of the request; null: it does not look. */
  get screening(): Screening | null {
    return this.#isScreened ? this.#screening : null;
  }

  /** Whether the request must not reach a server yet. */
  get isHeld(): boolean {
    return this.#isScreened && this.#screening!.holds;
  }

  /** The firewall looks at the head, and later at the body. */
  screenWith(waf: Waf, head: Head, framing: Framing): Screening {
    this.#screening ??= new Screening(this.#waitingBodies);
    this.#isScreened = true;
    this.#screening.begin(waf, head, framing);
    return this.#screening;
  }

  /**
   * Takes bytes of the body.
   *
   * @returns where they end; `body.fault` says where they are wrong
   */
  take(bytes: Buffer, start: number, end: number, nowMs: number): number {
    const { body } = this;
    const screening = this.#isScreened && this.#screening!.isOpen ? this.#screening : null;
    const upTo = body.take(bytes, start, end, screening);
    this.byteCount += body.consumed - start;
    if (upTo > start) this.#forward(bytes, start, upTo);
    if (body.done) {
      if (body.heldEnd) this.#forwardText(`${body.trailers}\r\n`);
      if (this.#owner.connection?.isOpen) this.#owner.requestSent(nowMs);
    }
    const { consumed } = body;
    if (screening !== null && body.fault === undefined) this.#screen(screening, nowMs);
    return consumed;
  }

  /** Sends the head, and what is here of the body, to a server that has become ready. */
  sendTo(connection: ServerSide, headText: string, nowMs: number): void {
    connection.sendRequest(headText, this.#held);
    if (!this.#owner.isIdempotent) this.#held.forget();
    if (this.body.done) return this.#owner.requestSent(nowMs);
    connection.expectUpload(nowMs);
    if (connection.pendingBytes <= this.#owner.route!.policy.highWaterBytes) this.resume();
  }

  /** Takes no more from the client until the server has taken what there is. */
  pause(): void {
    this.#isPaused = true;
    this.#owner.client.pauseBody();
  }

  resume(): void {
    if (!this.#isPaused) return;
    this.#isPaused = false;
    this.#owner.client.resumeBody();
  }

  /** The exchange is over: lets go of what is held. */
  end(): void {
    if (this.#isScreened && this.#screening!.isOpen) this.#screening!.close();
    this.#held.forget();
  }

  #forward(bytes: Buffer, start: number, end: number): void {
    const { connection, isWaiting } = this.#owner;
    const { highWaterBytes, replayBytes } = this.#owner.route!.policy;
    if (this.isHeld) {
      this.#held.keep(bytes, start, end);
      return;
    }
    if (!isWaiting && (connection === null || connection.isClosed)) return;
    if (isWaiting || !connection!.isOpen) {
      this.#held.keep(bytes, start, end);
      if (this.#held.byteCount > highWaterBytes) this.pause();
      return;
    }
    if (this.#owner.isIdempotent && !this.#owner.responseHasBegun) {
      this.#held.keepSent(bytes, start, end, replayBytes);
    } else this.#held.passedBy();
    connection!.sendBody(bytes, start, end);
    if (connection!.pendingBytes > highWaterBytes) this.pause();
  }

  #forwardText(text: string): void {
    const bytes = Buffer.from(text, 'latin1');
    this.#forward(bytes, 0, bytes.length);
  }

  /** More of the body came that the firewall looks at. */
  #screen(screening: Screening, nowMs: number): void {
    const { holds } = screening;
    const { done } = this.body;
    if (!done && !screening.isFull) {
      if (!holds) {
        if (screening.isCrowded) screening.finish(false);
        return;
      }
      if (screening.isPadded(this.#held.byteCount)) this.#owner.clientFailed('bad_chunk', nowMs);
      else if (screening.isCrowded) this.#owner.answer('waf_busy', nowMs);
      return;
    }
    screening.finish(done, this.body.trailers);
    if (!holds) return;
    if (screening.blocks) this.#owner.answer('waf_blocked', nowMs);
    else if (screening.isOversize) this.#owner.answer('waf_body_too_large', nowMs);
    else this.#owner.tryNext(nowMs);
  }
}
