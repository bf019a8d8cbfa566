/**
 * What is an error of one stream ends that stream alone (RFC 9113 §5.4.2).
 *
 * Where a client sends more DATA than its Content-Length says, nghttp2 resets the stream and goes
 * on, but Node destroys the session, for it is told of both kinds of error in the same way. Node does
 * so by the session's own `destroy`. A stream that was closed with an error in the same turn of the
 * loop says of which kind it was. Taken wrongly, a connection lives on that nghttp2 has said GOAWAY
 * on and reads no more, until a timeout ends it; or it ends, as it does where Node calls otherwise.
 */
import { constants, type ServerHttp2Session } from 'node:http2';

/** NGHTTP2_ERR_PROTO, _STREAM_CLOSED and _FLOW_CONTROL. */
const BROKEN_RULES: ReadonlySet<number | undefined> = new Set([-505, -510, -524]);
/** What nghttp2 resets a stream with on which one of them was broken. */
const RESETS_FOR_THEM: ReadonlySet<number> = new Set([
  constants.NGHTTP2_PROTOCOL_ERROR,
  constants.NGHTTP2_STREAM_CLOSED,
  constants.NGHTTP2_FLOW_CONTROL_ERROR,
]);

export class StreamErrors {
  /** Errors that Node was told of in this turn of the loop. */
  #told = 0;
  #streams = 0;

  constructor(session: ServerHttp2Session) {
    const { destroy } = session;
    session.destroy = (error, code) => {
      if (!isBrokenRule(error)) return destroy.call(session, error, code);
      this.#told += 1;
      if (this.#told > 1) return;
      this.#streams = 0;
      setImmediate(() => {
        const isOfStreams = this.#streams >= this.#told;
        this.#told = 0;
        if (!isOfStreams) destroy.call(session, error, code);
      });
    };
  }

  /**
   * A stream was closed, by either side. Those that the client had cancelled before may be told of
   * after an error in the same turn, where the connection is not a socket of Node.
   *
   * @returns whether it was closed for what the client did on it
   */
  closed(code: number): boolean {
    if (!RESETS_FOR_THEM.has(code)) return false;
    this.#streams += 1;
    return this.#streams <= this.#told;
  }
}

function isBrokenRule(error: unknown): boolean {
  const { code, errno } = (error ?? {}) as NodeJS.ErrnoException;
  // Too many of them have another code.
  return code === 'ERR_HTTP2_ERROR' && BROKEN_RULES.has(errno);
}
