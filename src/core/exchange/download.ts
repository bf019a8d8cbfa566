import { BodyReader } from '../http1/body.ts';
import { BODY, type Framing } from '../http1/framing.ts';
import type { Head } from '../http1/head.ts';
import type { WorkerContext } from '../ports/worker-context.ts';
import type { ServerSide } from '../servers/server-side.ts';
import type { ClientSide } from './client-side.ts';
import { EventStream, isEventStream } from './event-stream.ts';

/** The exchange whose response a download is. */
export interface DownloadOwner {
  readonly engine: WorkerContext;
  readonly client: ClientSide;
  readonly connection: ServerSide | null;
  readonly highWaterBytes: number;
}

/** Of a chunked body; an empty line or trailers follow it. */
const LAST_CHUNK = Buffer.from('0\r\n');

/** A response's body on its way from the server to the client, which may be slower. */
export class Download {
  readonly body = new BodyReader();
  /** Bytes that came from the server; those of a tunnel are added. */
  byteCount = 0;
  /** The response is text/event-stream: silence is measured by `timeout.stream`. */
  isStream = false;
  readonly #owner: DownloadOwner;
  /** null: no response of the exchange was an event stream yet. */
  #events: EventStream | null = null;

  constructor(owner: DownloadOwner) {
    this.#owner = owner;
  }

  /** Another request: nothing of its response has come. */
  begin(): void {
    this.byteCount = 0;
    this.isStream = false;
  }

  /** The head of the final response came; readable during the call. */
  expect(head: Head, framing: Framing): void {
    this.body.begin(framing.body, framing.contentLength);
    this.isStream = isEventStream(head);
    if (!this.isStream) return;
    this.#events ??= new EventStream(this.#owner.engine);
    this.#events.begin();
  }

  /** Whether an event stream can end here without cutting an event in two. */
  get isBetweenEvents(): boolean {
    return this.#events!.isBetweenEvents;
  }

  /**
   * Passes on bytes that follow the response's head.
   *
   * @returns where the body's bytes end; `body.fault` says where they are wrong
   */
  take(bytes: Buffer, start: number, end: number): number {
    const { body } = this;
    if (body.done) return start;
    const { client, connection, highWaterBytes } = this.#owner;
    const takesPayload = client.takesPayload;
    const upTo = body.take(bytes, start, end, takesPayload ? client : null);
    this.byteCount += body.consumed - start;
    if (!takesPayload && upTo > start) client.sendBody(bytes, start, upTo);
    client.flush();
    if (this.isStream) this.#events!.sent(body, bytes, start);
    if (client.pendingBytes > highWaterBytes) connection?.pause();
    return body.consumed;
  }

  /** A piece of an event stream came, which may be its last. */
  tookPiece(nowMs: number): void {
    this.#events!.tookPiece(nowMs);
  }

  /** The body is complete. */
  end(): void {
    const { client } = this.#owner;
    client.sendEnd(this.body.trailers, this.body.heldEnd);
    client.flush();
  }

  /**
   * Ends an event stream as if its server had.
   *
   * @returns false where its framing cannot say so
   */
  endEarly(): boolean {
    const { client } = this.#owner;
    const { body } = this;
    const isChunked = body.kind === BODY.chunked;
    if (body.kind === BODY.length || (isChunked && !body.isBetweenChunks)) return false;
    if (isChunked && !client.takesPayload) client.sendBody(LAST_CHUNK, 0, LAST_CHUNK.length);
    client.sendEnd('', isChunked);
    client.flush();
    return true;
  }
}
