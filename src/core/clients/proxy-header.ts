import { Timer } from '../../base/wheel.ts';
import type { Engine } from '../exchange/engine.ts';
import type { Stream, StreamOwner } from '../ports/stream.ts';
import { PARTIAL, type ProxyHeader, REFUSED, readProxyHeader } from '../proxy-protocol/read.ts';
import { TransientClient } from './client.ts';

/** proxy-protocol.txt §3 asks for 3 s at least, for a packet that is sent again. */
const HEADER_MS_MAX = 5_000;

/** Hears how the beginning of a proxied connection went; one of the calls comes, once. */
export interface ProxyHeaderOwner {
  /** The header is read. What came behind it, from `header.end` on, is the connection's own. */
  proxied(header: ProxyHeader, bytes: Buffer, end: number, nowMs: number): void;
  /** The connection is closed. */
  notProxied(code: 'bad_proxy_header' | 'proxy_header_timeout' | ''): void;
}

/** Owns a connection of a trusted proxy until its PROXY header is read. */
export class ProxyHeaderReader extends TransientClient implements StreamOwner {
  readonly #stream: Stream;
  readonly #owner: ProxyHeaderOwner;
  readonly #timer: Timer;
  /** What came of a header that is not whole. */
  #partial: Buffer | null = null;
  #isOver = false;

  constructor(engine: Engine, stream: Stream, nowMs: number, owner: ProxyHeaderOwner) {
    super();
    this.#stream = stream;
    this.#owner = owner;
    this.#timer = new Timer(engine.wheel, this);
    this.#timer.set(nowMs + HEADER_MS_MAX);
  }

  onOpen(): void {}
  onDrain(): void {}

  onBytes(bytes: Buffer, start: number, end: number, nowMs: number): void {
    if (this.#isOver) return;
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
      this.#leave();
      this.#owner.proxied(header, all, upTo, nowMs);
    }
  }

  onEnd(): void {
    this.close();
  }

  onClose(): void {
    if (this.#isOver) return;
    this.#leave();
    this.#owner.notProxied('');
  }

  /** Perhaps when the header was read and the connection already handed on. */
  crashed(): void {
    this.#leave();
    this.#stream.destroy();
    this.#owner.notProxied('');
  }

  onTimer(): void {
    this.#refuse('proxy_header_timeout');
  }

  /** The header is due soon, and whose it is drains then. */
  drain(): void {}

  abort(): void {
    this.close();
  }

  /** Closes the connection; nobody is to blame. */
  close(): void {
    if (this.#isOver) return;
    this.#leave();
    this.#stream.destroy();
    this.#owner.notProxied('');
  }

  #refuse(code: 'bad_proxy_header' | 'proxy_header_timeout'): void {
    this.#leave();
    // §2.1: the sender is to notice that something is wrong.
    this.#stream.reset();
    this.#owner.notProxied(code);
  }

  #leave(): void {
    this.#isOver = true;
    this.#partial = null;
    this.#timer.dispose();
  }
}
