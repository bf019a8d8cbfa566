import type { ServerAddress } from '../../core/ports/server-address.ts';
import type { Connector, Stream, StreamOwner } from '../../core/ports/stream.ts';
import { addressesVersion, leadsTo } from '../dial.ts';
import type { Resolver } from '../resolver.ts';
import { dial } from './dial.ts';
import { type SocketContext, SocketStream } from './socket-stream.ts';

const ALPN = ['http/1.1'];

/** Opens real connections to servers. */
export class SocketConnector implements Connector {
  readonly #context: SocketContext;
  readonly #resolver: Resolver;

  constructor(context: SocketContext, resolver: Resolver) {
    this.#context = context;
    this.#resolver = resolver;
  }

  connect(address: ServerAddress, owner: StreamOwner, preface: string): Stream {
    const stream = new SocketStream(this.#context, owner);
    const reads = address.tls === null ? 'onread' : 'data';
    const options = { alpn: ALPN, preface: () => preface, onread: () => stream.onread };
    stream.dial = dial(address, this.#resolver, options, {
      onOpen: (socket, host) => {
        stream.dial = null;
        stream.host = host;
        stream.attach(socket, reads);
        stream.hearLastWords();
        stream.opened();
      },
      onFailed: (error) => {
        stream.dial = null;
        stream.failed(error);
        stream.closed();
      },
    });
    return stream;
  }

  addressesVersion(address: ServerAddress): number {
    return addressesVersion(this.#resolver, address);
  }

  leadsTo(address: ServerAddress, stream: Stream): boolean {
    return leadsTo(this.#resolver, address, (stream as SocketStream).host);
  }
}
