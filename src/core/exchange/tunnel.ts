import type { Failure } from '../answers/failures.ts';
import type { Head } from '../http1/head.ts';
import { NAME } from '../http1/names.ts';
import type { WorkerContext } from '../ports/worker-context.ts';
import type { ServerSide } from '../servers/server-side.ts';
import type { ClientSide } from './client-side.ts';
import type { Download } from './download.ts';
import type { Ending } from './ending.ts';
import type { Upload } from './upload.ts';
import { closeFrame, maskedCloseFrame, WebSocketDirection } from './websocket-frames.ts';

/** The exchange that a tunnel is the last part of. */
export interface TunnelOwner {
  readonly engine: WorkerContext;
  readonly client: ClientSide;
  readonly connection: ServerSide | null;
  readonly highWaterBytes: number;
  readonly ending: Ending | null;
  readonly upload: Pick<Upload, 'byteCount' | 'pause'>;
  readonly download: Pick<Download, 'byteCount'>;
  /** @param failure why the tunnel is over; empty: both ends had said all */
  endTunnel(failure: Failure | '', nowMs: number): void;
}

/** Both directions of an exchange whose server agreed to another protocol. RFC 9110 §7.8. */
export class Tunnel {
  readonly #exchange: TunnelOwner;
  /** null where the protocol is another than WebSocket. */
  readonly #toClient: WebSocketDirection | null = null;
  readonly #toServer: WebSocketDirection | null = null;
  #clientHasEnded = false;
  #serverHasEnded = false;

  /** @param head of the server's agreement */
  constructor(exchange: TunnelOwner, head: Head) {
    this.#exchange = exchange;
    if (!agreesToWebSocket(head)) return;
    this.#toClient = new WebSocketDirection(() => this.#sayCloseToClient());
    this.#toServer = new WebSocketDirection(() => this.#sayCloseToServer());
  }

  get isWebSocket(): boolean {
    return this.#toClient !== null;
  }

  fromServer(bytes: Buffer, start: number, end: number): void {
    const { client, connection, highWaterBytes } = this.#exchange;
    const direction = this.#toClient;
    const passed = direction === null ? end : direction.pass(bytes, start, end);
    if (passed > start) {
      this.#exchange.download.byteCount += passed - start;
      client.sendTunnel(bytes, start, passed);
    }
    direction?.passed();
    if (client.pendingBytes > highWaterBytes) connection?.pause();
    if (this.#exchange.ending?.hasBegun) this.#endIfBothClosed();
  }

  fromClient(bytes: Buffer, start: number, end: number, nowMs: number): void {
    const exchange = this.#exchange;
    const { connection } = exchange;
    if (connection === null) return;
    const direction = this.#toServer;
    const passed = direction === null ? end : direction.pass(bytes, start, end);
    exchange.upload.byteCount += passed - start;
    connection.sendTunnel(bytes, start, passed, nowMs);
    direction?.passed();
    if (connection.pendingBytes > exchange.highWaterBytes) exchange.upload.pause();
    if (exchange.ending?.hasBegun) this.#endIfBothClosed();
  }

  /**
   * Asks both ends to close, as soon as the frames under way are whole; other protocols are closed
   * at once. RFC 6455 §5.5.1.
   */
  endGently(nowMs: number): void {
    // Where one end has nothing more to say, there is nobody to answer a close frame.
    const isHalfClosed = this.#clientHasEnded || this.#serverHasEnded;
    if (this.#toClient === null || isHalfClosed) return this.#exchange.endTunnel('', nowMs);
    this.#toClient.end();
    this.#toServer!.end();
  }

  clientEnded(nowMs: number): void {
    this.#clientHasEnded = true;
    this.#exchange.connection?.endTunnel();
    if (this.#serverHasEnded) this.#bothEnded(nowMs);
  }

  serverEnded(nowMs: number): void {
    this.#serverHasEnded = true;
    this.#exchange.client.endTunnel();
    if (this.#clientHasEnded) this.#bothEnded(nowMs);
  }

  /** The connection closes by itself once the server has taken what was said. */
  #bothEnded(nowMs: number): void {
    const { connection } = this.#exchange;
    if (connection === null || connection.pendingBytes === 0) {
      this.#exchange.endTunnel('', nowMs);
    }
  }

  /** A server closes the connection once both have said so (§7.1.1); here that is us. */
  #endIfBothClosed(): void {
    if (!this.#toClient!.hasClosed || !this.#toServer!.hasClosed) return;
    this.#exchange.endTunnel('', this.#exchange.engine.clock.nowMs());
  }

  /** Unless the server has ended its side, and with it ours to the client. */
  #sayCloseToClient(): void {
    if (this.#serverHasEnded) return;
    const frame = closeFrame();
    this.#exchange.client.sendTunnel(frame, 0, frame.length);
  }

  #sayCloseToServer(): void {
    if (this.#clientHasEnded) return;
    const { engine, connection } = this.#exchange;
    const frame = maskedCloseFrame(engine.random() * 2 ** 32);
    connection?.sendTunnel(frame, 0, frame.length, engine.clock.nowMs());
  }
}

function agreesToWebSocket(head: Head): boolean {
  const index = head.find(NAME.upgrade);
  return index !== -1 && head.value(index).trim().toLowerCase() === 'websocket';
}
