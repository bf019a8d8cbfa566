import type { Engine } from '../exchange/engine.ts';
import type { Stream } from '../ports/stream.ts';
import { PARTIAL, type ProxyHeader, REFUSED, readProxyHeader } from '../proxy-protocol/read.ts';
import { TransientConnection } from './transient-connection.ts';

/** proxy-protocol.txt §3 asks for 3 s at least, for a packet that is sent again. */
const HEADER_MS_MAX = 5_000;

/** Callbacks for the beginning of a proxied connection; one of them is called, once. */
export interface ProxyHeaderOwner {
  /** The header is read. What came behind it, from `header.end` on, is the connection's own. */
  proxied(header: ProxyHeader, bytes: Buffer, end: number, nowMs: number): void;
  /** The connection is closed. */
  notProxied(code: 'bad_proxy_header' | 'proxy_header_timeout' | ''): void;
}

/** Owns a connection of a trusted proxy until its PROXY header is read. */
export class ProxyHeaderReader extends TransientConnection {
  readonly #owner: ProxyHeaderOwner;
  /** What came of a header that is not whole. */
  #partial: Buffer | null = null;

  constructor(
    { wheel }: Pick<Engine, 'wheel'>,
    stream: Stream,
    nowMs: number,
    owner: ProxyHeaderOwner,
  ) {
    super(wheel, stream, nowMs + HEADER_MS_MAX);
    this.#owner = owner;
  }

  onBytes(bytes: Buffer, start: number, end: number, nowMs: number): void {
    if (this.isOver) return;
    let from = start;
    let upTo = end;
    let all = bytes;
    if (this.#partial !== null) {
      // A header is bounded, so that what waits for its rest is as well.
      all = Buffer.concat([this.#partial, bytes.subarray(start, end)]);
      from = 0;
      upTo = all.length;
    }
    const header = readProxyHeader(all, from, upTo);
    if (header === PARTIAL) this.#partial = Buffer.from(all.subarray(from, upTo));
    else if (header === REFUSED) this.#refuse('bad_proxy_header');
    else {
      this.leave();
      this.#owner.proxied(header, all, upTo, nowMs);
    }
  }

  onTimer(): void {
    this.#refuse('proxy_header_timeout');
  }

  /** The header is due soon, and whose it is drains then. */
  drain(): void {}

  /** Perhaps when the header was read and the connection already handed on. */
  override crashed(): void {
    this.leave();
    this.stream.destroy();
    this.onOver();
  }

  /** Nobody is to blame. */
  protected onOver(): void {
    this.#owner.notProxied('');
  }

  #refuse(code: 'bad_proxy_header' | 'proxy_header_timeout'): void {
    this.leave();
    // §2.1: the sender is to notice that something is wrong.
    this.stream.reset();
    this.#owner.notProxied(code);
  }

  protected override leave(): void {
    super.leave();
    this.#partial = null;
  }
}
