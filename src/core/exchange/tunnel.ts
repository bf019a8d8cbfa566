import { COUNTER } from '../../table/layout.ts';
import { GAUGE } from '../../table/measures.ts';
import type { Head } from '../http1/head.ts';
import { NAME } from '../http1/names.ts';
import type { CloseCause } from '../ports/stream.ts';
import type { Exchange } from './exchange.ts';
import { closeFrame, maskedCloseFrame, WebSocketDirection } from './websocket-frames.ts';

/** Both directions of an exchange whose server agreed to another protocol. RFC 9110 §7.8. */
export class Tunnel {
  readonly #exchange: Exchange;
  /** null where the protocol is another than WebSocket. */
  readonly #toClient: WebSocketDirection | null = null;
  readonly #toServer: WebSocketDirection | null = null;
  #clientHasEnded = false;
  #serverHasEnded = false;

  /** @param head of the server's agreement */
  constructor(exchange: Exchange, head: Head) {
    this.#exchange = exchange;
    const { table, lane } = exchange.engine;
    table.count(exchange.server!.row, lane, COUNTER.tunnels);
    table.measures.add(lane, GAUGE.tunnels, 1);
    if (!agreesToWebSocket(head)) return;
    this.#toClient = new WebSocketDirection(() => this.#sayCloseToClient());
    this.#toServer = new WebSocketDirection(() => this.#sayCloseToServer());
  }

  get isWebSocket(): boolean {
    return this.#toClient !== null;
  }

  fromServer(bytes: Buffer, start: number, end: number): void {
    const { client, connection, pool } = this.#exchange;
    const direction = this.#toClient;
    const passed = direction === null ? end : direction.pass(bytes, start, end);
    if (passed > start) {
      this.#exchange.responseBodyBytes += passed - start;
      client.sendTunnel(bytes, start, passed);
    }
    direction?.passed();
    if (client.pendingBytes > pool!.settings.highWaterBytes) connection?.stream.pause();
    if (this.#exchange.ending?.hasBegun) this.#endIfBothClosed();
  }

  fromClient(bytes: Buffer, start: number, end: number, nowMs: number): void {
    const exchange = this.#exchange;
    const { connection, pool } = exchange;
    if (connection === null) return;
    const direction = this.#toServer;
    const passed = direction === null ? end : direction.pass(bytes, start, end);
    if (passed > start) {
      exchange.requestBodyBytes += passed - start;
      connection.stream.writeBytes(bytes, start, passed);
    }
    direction?.passed();
    connection.expectStream(nowMs);
    if (connection.stream.pendingBytes > pool!.settings.highWaterBytes) exchange.pauseBody();
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
    this.#exchange.connection?.stream.end();
    if (this.#serverHasEnded) this.#bothEnded(nowMs);
  }

  serverEnded(nowMs: number): void {
    this.#serverHasEnded = true;
    this.#exchange.client.endTunnel();
    if (this.#clientHasEnded) this.#bothEnded(nowMs);
  }

  serverClosed(cause: CloseCause, nowMs: number): void {
    this.#exchange.connection = null;
    this.#exchange.endTunnel(cause === 'closed' ? '' : 'server_reset', nowMs);
  }

  /** Neither end has sent or taken anything for `timeout.stream`. */
  silent(nowMs: number): void {
    this.#exchange.endTunnel('stream_timeout', nowMs);
  }

  /** The connection closes by itself once the server has taken what was said. */
  #bothEnded(nowMs: number): void {
    const { connection } = this.#exchange;
    if (connection === null || connection.stream.pendingBytes === 0) {
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
    const frame = maskedCloseFrame(this.#exchange.engine.random() * 2 ** 32);
    this.#exchange.connection?.stream.writeBytes(frame, 0, frame.length);
  }
}

function agreesToWebSocket(head: Head): boolean {
  const index = head.find(NAME.upgrade);
  return index !== -1 && head.value(index).trim().toLowerCase() === 'websocket';
}
