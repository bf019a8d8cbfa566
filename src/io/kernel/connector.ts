import type { ServerAddress } from '../../core/ports/server-address.ts';
import type { Connector, Stream, StreamOwner } from '../../core/ports/stream.ts';
import { KernelStream, type StreamContext } from './stream.ts';

/** Opens connections to servers. */
export class KernelConnector implements Connector {
  readonly #context: StreamContext;

  constructor(context: StreamContext) {
    this.#context = context;
  }

  connect(address: ServerAddress, owner: StreamOwner, preface: string): Stream {
    const stream = new KernelStream(this.#context, owner);
    stream.connect(address, preface);
    return stream;
  }

  addressesVersion(_address: ServerAddress): number {
    return 0;
  }

  leadsTo(_address: ServerAddress, _stream: Stream): boolean {
    return true;
  }
}
