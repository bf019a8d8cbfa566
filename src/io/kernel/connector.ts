import { addressText, type ServerAddress } from '../../core/ports/server-address.ts';
import type { Connector, Stream, StreamOwner } from '../../core/ports/stream.ts';
import { closeCauseOf } from '../close-cause.ts';
import { addressesVersion, Dial, isNamed, leadsTo } from '../dial.ts';
import { type ConnectContext, PlainAttempt, TlsAttempt } from './attempts.ts';
import type { TlsStream } from './openssl/tls-stream.ts';
import { KernelStream } from './stream.ts';

/** Opens connections to servers. */
export class KernelConnector implements Connector {
  readonly #context: ConnectContext;

  constructor(context: ConnectContext) {
    this.#context = context;
  }

  connect(address: ServerAddress, owner: StreamOwner, preface: string): Stream {
    if (address.tls !== null) return this.#secure(address, owner, preface);
    const stream = new KernelStream(this.#context, owner);
    if (isNamed(address)) this.#dial(stream, address, preface);
    else stream.connect(address, preface);
    return stream;
  }

  addressesVersion(address: ServerAddress): number {
    return addressesVersion(this.#context.resolver, address);
  }

  leadsTo(address: ServerAddress, stream: Stream): boolean {
    return leadsTo(this.#context.resolver, address, (stream as KernelStream | TlsStream).host);
  }

  #dial(stream: KernelStream, address: ServerAddress, preface: string): void {
    const context = this.#context;
    stream.dial = new Dial<KernelStream>(
      address,
      context,
      (host, owner) => new PlainAttempt(context, { ...address, host }, owner),
      {
        onOpen: (connection) => stream.takeOver(connection, preface),
        onFailed: (error) => stream.fail(error),
      },
    );
  }

  #secure(address: ServerAddress, owner: StreamOwner, preface: string): Stream {
    const context = this.#context;
    const stream = context.engine.streamToServer(owner);
    const key = addressText(address);
    stream.dial = new Dial<TlsStream>(
      address,
      context,
      (host, racer) => new TlsAttempt(context, { ...address, host }, key, preface, racer),
      {
        onOpen: (connection, host) => {
          stream.host = host;
          stream.takeOver(connection);
        },
        onFailed: (error) => stream.failed(closeCauseOf(error)),
      },
    );
    return stream;
  }
}
