/** Connections to one address on their way, for the race of a name's addresses. */
import type { ServerAddress } from '../../core/ports/server-address.ts';
import type { StreamOwner } from '../../core/ports/stream.ts';
import type { Attempting, AttemptOwner, DialContext } from '../dial.ts';
import type { ClientHandshake } from './openssl/client-handshake.ts';
import type { TlsEngine } from './openssl/engine.ts';
import type { TlsStream } from './openssl/tls-stream.ts';
import { KernelStream, type StreamContext } from './stream.ts';

/** What connections to servers need of their thread. */
export interface ConnectContext extends StreamContext, DialContext {
  readonly engine: TlsEngine;
}

/** A connection without TLS. */
export class PlainAttempt implements Attempting, StreamOwner {
  readonly #owner: AttemptOwner<KernelStream>;
  readonly #stream: KernelStream;

  /** @param address its host is an IP address */
  constructor(context: ConnectContext, address: ServerAddress, owner: AttemptOwner<KernelStream>) {
    this.#owner = owner;
    this.#stream = new KernelStream(context, this);
    this.#stream.connect(address, '');
  }

  close(): void {
    this.#stream.destroy();
  }

  onOpen(): void {
    this.#owner.connected();
    this.#owner.opened(this.#stream);
  }

  onClose(): void {
    this.#owner.failed(this.#stream.error!, 'connect');
  }

  onBytes(): void {}
  onDrain(): void {}
  onEnd(): void {}
  crashed(): void {}
}

/** A connection and its handshake. */
export class TlsAttempt implements Attempting, StreamOwner {
  readonly #context: ConnectContext;
  readonly #address: ServerAddress;
  readonly #key: string;
  readonly #owner: AttemptOwner<TlsStream>;
  readonly #stream: KernelStream;
  #handshake: ClientHandshake | null = null;

  /**
   * @param address its host is an IP address
   * @param key sessions are taken up with the same one only
   * @param preface goes before the handshake
   */
  constructor(
    context: ConnectContext,
    address: ServerAddress,
    key: string,
    preface: string,
    owner: AttemptOwner<TlsStream>,
  ) {
    this.#context = context;
    this.#address = address;
    this.#key = key;
    this.#owner = owner;
    this.#stream = new KernelStream(context, this);
    this.#stream.connect(address, preface);
  }

  close(): void {
    if (this.#handshake === null) this.#stream.destroy();
    else this.#handshake.close();
  }

  onOpen(): void {
    this.#owner.connected();
    const { tls, host, path } = this.#address;
    try {
      this.#handshake = this.#context.engine.secureToServer(this.#stream, this.#key, tls!, {
        opened: (stream) => {
          stream.host = path === '' ? host : path;
          this.#owner.opened(stream);
        },
        failed: (error) => this.#owner.failed(error, 'tls'),
      });
    } catch (error) {
      this.#stream.destroy();
      this.#owner.failed(error as NodeJS.ErrnoException, 'tls');
    }
  }

  /** Before the handshake began; then it has another owner. */
  onClose(): void {
    this.#owner.failed(this.#stream.error!, 'connect');
  }

  onBytes(): void {}
  onDrain(): void {}
  onEnd(): void {}
  crashed(): void {}
}
