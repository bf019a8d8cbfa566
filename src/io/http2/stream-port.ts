import type { IncomingHttpHeaders, ServerHttp2Stream } from 'node:http2';
import { type Http2Port, type Http2PortOwner, RESET } from '../../core/clients/http2-port.ts';
import type { Engine } from '../../core/exchange/engine.ts';
import type { Fields } from '../../core/http2/request.ts';
import type { StreamErrors } from './stream-errors.ts';

/** Node's stream has had no other use of its fields than to hand them on as they came. */
type RawStream = ServerHttp2Stream & {
  respond(fields: Fields, options: { endStream?: boolean; waitForTrailers?: boolean }): void;
};

/** A stream of Node's HTTP/2 library. */
export class StreamPort implements Http2Port {
  readonly #stream: RawStream;
  readonly #errors: StreamErrors;
  readonly #engine: Pick<Engine, 'clock' | 'contain'>;
  #owner: Http2PortOwner | null = null;
  #trailers: Fields | null = null;
  /** Nobody waits for the last piece to be out: the stream closes then. */
  #closesWithEnd = false;
  /** One for all writes of the stream. */
  readonly #onWritten = () => {
    if (this.#stream.writableLength > 0) return;
    const nowMs = this.#nowMs;
    try {
      this.#owner?.drained(nowMs);
    } catch (error) {
      this.#crashed(error, nowMs);
    }
  };

  constructor(
    stream: ServerHttp2Stream,
    errors: StreamErrors,
    engine: Pick<Engine, 'clock' | 'contain'>,
  ) {
    this.#stream = stream as RawStream;
    this.#errors = errors;
    this.#engine = engine;
  }

  /** @param isEnd the request is whole already */
  attach(owner: Http2PortOwner, isEnd: boolean): void {
    this.#owner = owner;
    this.#closesWithEnd = isEnd;
    const stream = this.#stream;
    stream.on('error', ignore);
    stream.on('close', () => {
      const isBroken = this.#errors.closed(stream.rstCode);
      const nowMs = this.#nowMs;
      try {
        owner.closed(isBroken, nowMs);
      } catch (error) {
        this.#crashed(error, nowMs);
      }
    });
    if (isEnd) return;
    stream.on('data', (bytes: Buffer) => {
      const nowMs = this.#nowMs;
      try {
        owner.received(bytes, nowMs);
      } catch (error) {
        this.#crashed(error, nowMs);
      }
    });
    stream.on('trailers', (_headers: IncomingHttpHeaders, _flags: number, raw?: string[]) => {
      try {
        owner.receivedTrailers(raw ?? []);
      } catch (error) {
        this.#crashed(error, this.#nowMs);
      }
    });
    stream.on('end', () => {
      const nowMs = this.#nowMs;
      try {
        owner.ended(nowMs);
      } catch (error) {
        this.#crashed(error, nowMs);
      }
    });
  }

  get #nowMs(): number {
    return this.#engine.clock.nowMs();
  }

  #crashed(error: unknown, nowMs: number): void {
    this.#engine.contain(error, this.#owner!, nowMs);
    this.reset(RESET.internal);
  }

  get pendingBytes(): number {
    return this.#stream.writableLength;
  }

  inform(fields: Fields): void {
    if (this.#isOver) return;
    this.#stream.additionalHeaders(valuesByName(fields));
  }

  respond(fields: Fields, isEnd: boolean, mayHaveTrailers: boolean): void {
    if (this.#isOver) return;
    if (mayHaveTrailers) this.#stream.once('wantTrailers', () => this.#sendTrailers());
    this.#stream.respond(fields, { endStream: isEnd, waitForTrailers: mayHaveTrailers });
  }

  write(bytes: Buffer): void {
    if (!this.#isOver) this.#stream.write(bytes, this.#onWritten);
  }

  end(bytes: Buffer | null, trailers: Fields | null): void {
    if (this.#isOver) return;
    this.#trailers = trailers;
    if (bytes === null) this.#stream.end();
    else if (this.#closesWithEnd) this.#stream.end(bytes);
    else this.#stream.end(bytes, this.#onWritten);
  }

  reset(code: number): void {
    const stream = this.#stream;
    if (stream.destroyed) return;
    // `close` ends the body in good order before it resets: a response would look whole. `destroy`
    // does not, and always says INTERNAL_ERROR.
    if (code === RESET.none || !stream.headersSent) stream.close(code);
    else stream.destroy(new Error('reset'));
  }

  pause(): void {
    this.#stream.pause();
  }

  resume(): void {
    this.#stream.resume();
  }

  get #isOver(): boolean {
    return this.#stream.destroyed || this.#stream.closed;
  }

  #sendTrailers(): void {
    if (this.#isOver) return;
    try {
      this.#stream.sendTrailers(valuesByName(this.#trailers ?? []));
    } catch (error) {
      this.#crashed(error, this.#nowMs);
    }
  }
}

/** As the library wants them. Names come from servers: no object with a prototype holds them. */
function valuesByName(fields: Fields): Record<string, string[]> {
  const values: Record<string, string[]> = Object.create(null);
  for (let at = 0; at < fields.length; at += 2) {
    const name = fields[at]!;
    values[name] ??= [];
    values[name].push(fields[at + 1]!);
  }
  return values;
}

function ignore(): void {}
