import { COUNTER } from '../../table/layout.ts';
import { GAUGE } from '../../table/measures.ts';
import type { Exchange } from './exchange.ts';
import type { CloseCause } from './ports.ts';

/** Both directions of an exchange whose server agreed to another protocol. RFC 9110 §7.8. */
export class Tunnel {
  readonly #exchange: Exchange;
  #clientHasEnded = false;
  #serverHasEnded = false;

  constructor(exchange: Exchange) {
    this.#exchange = exchange;
    const { table, lane } = exchange.engine;
    table.count(exchange.server!.row, lane, COUNTER.tunnels);
    table.measures.add(lane, GAUGE.tunnels, 1);
  }

  fromServer(bytes: Buffer, start: number, end: number): void {
    const { client, connection, pool } = this.#exchange;
    this.#exchange.responseBodyBytes += end - start;
    client.sendTunnel(bytes, start, end);
    if (client.pendingBytes > pool!.settings.highWaterBytes) connection?.stream.pause();
  }

  fromClient(bytes: Buffer, start: number, end: number, nowMs: number): void {
    const exchange = this.#exchange;
    const { connection, pool } = exchange;
    if (connection === null) return;
    exchange.requestBodyBytes += end - start;
    connection.expectStream(nowMs);
    connection.stream.writeBytes(bytes, start, end);
    if (connection.stream.pendingBytes > pool!.settings.highWaterBytes) exchange.pauseBody();
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
}
