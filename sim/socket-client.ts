import type { CloseCause, StreamOwner } from '../src/core/ports/stream.ts';
import type { Chance } from './chance.ts';
import type { RequestFact } from './ledger.ts';
import type { Endpoint } from './network.ts';
import { SocketEnd } from './socket-end.ts';
import type { World } from './world.ts';

const HEAD_END = '\r\n\r\n';

/** A client that opens one WebSocket, if a server agrees, and talks on it until one of them closes. */
export class SocketClient implements StreamOwner {
  readonly #world: World;
  readonly #chance: Chance;
  readonly #onOver: () => void;
  readonly #stream: Endpoint;
  readonly #request: RequestFact;
  #head = '';
  #end: SocketEnd | null = null;

  constructor(world: World, chance: Chance, worker: string, onOver: () => void) {
    this.#world = world;
    this.#chance = chance;
    this.#onOver = onOver;
    this.#stream = world.network.connect(worker, this, false);
    this.#request = world.ledger.addRequest({
      method: 'GET',
      bodyBytes: 0,
      tunnelBytes: 0,
      hasTrailer: false,
      connection: this.#stream.connection,
      sentAtMs: world.clock.nowMs(),
    });
    this.#request.isSent = true;
  }

  crashed(): void {}

  onOpen(): void {
    this.#stream.writeText(
      `GET /${this.#request.id} HTTP/1.1\r\nHost: sim.example\r\nX-Request-Id: ${this.#request.id}\r\n` +
        'Connection: Upgrade\r\nUpgrade: websocket\r\n\r\n',
    );
  }

  onBytes(bytes: Buffer, start: number, end: number): void {
    if (this.#end !== null) return this.#end.take(bytes, start, end);
    this.#head += bytes.toString('latin1', start, end);
    const at = this.#head.indexOf(HEAD_END);
    if (at === -1) return;
    if (!this.#head.startsWith('HTTP/1.1 101 ')) return this.#over();
    this.#request.status = 101;
    this.#end = new SocketEnd({
      stream: this.#stream,
      chance: this.#chance,
      isClient: true,
      key: this.#request.key,
      fail: (what) => this.#world.invariants.fail('betweenFrames', what, this.#stream.connection),
      onClosed: () => this.#stream.end(),
    });
    this.#end.start();
    const rest = this.#head.length - at - HEAD_END.length;
    this.#end.take(bytes, end - rest, end);
  }

  onDrain(): void {
    this.#end?.drained();
  }

  onEnd(): void {
    this.#over();
  }

  onClose(_cause: CloseCause): void {
    this.#end?.over();
    this.#request.outcome = 'broken';
    this.#onOver();
  }

  #over(): void {
    this.#end?.over();
    this.#request.outcome = 'given up';
    this.#stream.destroy();
    this.#onOver();
  }
}
