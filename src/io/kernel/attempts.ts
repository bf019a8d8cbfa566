/** Connections to one address on their way, for the race of a name's addresses. */
import type { ServerAddress, ServerTls } from '../../core/ports/server-address.ts';
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

/** Begins to connect, and tells the race where that fails. */
abstract class Attempt<Connection> implements Attempting, StreamOwner {
  protected readonly owner: AttemptOwner<Connection>;
  protected readonly stream: KernelStream;

  constructor(
    context: ConnectContext,
    address: ServerAddress,
    preface: string,
    owner: AttemptOwner<Connection>,
  ) {
    this.owner = owner;
    this.stream = new KernelStream(context, this);
    this.stream.connect(address, preface);
  }

  close(): void {
    this.stream.destroy();
  }

  abstract onOpen(): void;

  /** Not once it was handed on: then it has another owner. */
  onClose(): void {
    this.owner.failed(this.stream.error!, 'connect');
  }

  onBytes(): void {}
  onDrain(): void {}
  onEnd(): void {}
  crashed(): void {}
}

/** A connection without TLS. */
export class PlainAttempt extends Attempt<KernelStream> {
  /** @param address its host is an IP address */
  constructor(context: ConnectContext, address: ServerAddress, owner: AttemptOwner<KernelStream>) {
    super(context, address, '', owner);
  }

  onOpen(): void {
    this.owner.connected();
    this.owner.opened(this.stream);
  }
}

/** A connection and its handshake. */
export class TlsAttempt extends Attempt<TlsStream> {
  readonly #context: ConnectContext;
  readonly #tls: ServerTls;
  readonly #key: string;
  #handshake: ClientHandshake | null = null;

  /**
   * @param address its host is an IP address; with TLS
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
    super(context, address, preface, owner);
    this.#context = context;
    this.#tls = address.tls!;
    this.#key = key;
  }

  override close(): void {
    if (this.#handshake === null) super.close();
    else this.#handshake.close();
  }

  onOpen(): void {
    this.owner.connected();
    const { engine } = this.#context;
    try {
      this.#handshake = engine.secureToServer(this.stream, this.#key, this.#tls, {
        opened: (stream) => this.owner.opened(stream),
        failed: (error) => this.owner.failed(error, 'tls'),
      });
    } catch (error) {
      this.stream.destroy();
      this.owner.failed(error as NodeJS.ErrnoException, 'tls');
    }
  }
}
