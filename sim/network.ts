/**
 * A network that is as unkind as TCP may be: it delays, cuts and joins what is sent, stalls, takes
 * no more than a window holds, refuses and swallows connections, and resets them. It implements
 * the ports of the core, and the simulated clients and servers use the same streams.
 *
 * Bytes are handed to the core in one buffer that is overwritten as soon as `onBytes` returns, so
 * that a reference that was kept shows.
 */

import type { ServerAddress } from '../src/core/ports/server-address.ts';
import type { CloseCause, Connector, Stream, StreamOwner } from '../src/core/ports/stream.ts';
import type { Chance, Range } from './chance.ts';
import type { SimClock } from './clock.ts';
import type { Sabotage } from './sabotage.ts';
import type { Trace } from './trace.ts';
import type { Weather } from './weather.ts';

/** What one read gives at the most. */
export const READ_BYTES_MAX = 8 * 1024;
/** What the two kernels hold of one direction at the most. */
export const WINDOW_BYTES: Range = [512, 16 * 1024];
const POISON = 0x23;

/** Makes the owner of a stream that was accepted. */
export type Accept = (stream: Endpoint) => StreamOwner;

export class Network {
  readonly clock: SimClock;
  readonly chance: Chance;
  readonly trace: Trace;
  readonly sabotage: Sabotage;
  weather: Weather;
  /** The core hears of the end of what it sent like of a drain, though nothing was pending. */
  tellsOfEnds = true;
  /** What an end of that name may have on the way; by chance where nobody says. */
  windowOf: (name: string) => number;
  /** Ends of connections that are not closed. */
  readonly open = new Set<Endpoint>();
  /** Called with what is wrong with how a stream is used. */
  onMisuse: (endpoint: Endpoint, text: string) => void = () => {};
  readonly readBuffer = Buffer.alloc(READ_BYTES_MAX * 2, POISON);
  readonly #listeners = new Map<string, Accept>();
  #connections = 0;

  constructor(clock: SimClock, chance: Chance, trace: Trace, sabotage: Sabotage, weather: Weather) {
    this.clock = clock;
    this.chance = chance;
    this.trace = trace;
    this.sabotage = sabotage;
    this.weather = weather;
    this.windowOf = () => chance.whole(...WINDOW_BYTES);
  }

  listen(name: string, accept: Accept): void {
    this.#listeners.set(name, accept);
  }

  unlisten(name: string): void {
    this.#listeners.delete(name);
  }

  /** Opens a connection. @param isCore which end is the core's; the other one is the world's */
  connect(name: string, owner: StreamOwner, isCore: boolean): Endpoint {
    const id = this.identify();
    const near = new Endpoint(this, id, isCore, `>${name}`);
    const far = new Endpoint(this, id, !isCore, `<${name}`);
    near.owner = owner;
    near.peer = far;
    far.peer = near;
    this.open.add(near);
    this.trace.note(id, `connect ${name}`);
    const { chance, weather } = this;
    if (isCore && chance.happens(weather.blackHole)) this.trace.note(id, 'swallowed');
    else {
      const isRefused = isCore && chance.happens(weather.refuse);
      this.clock.after(this.latencyMs() * 2, () => this.#arrive(near, far, name, isRefused));
    }
    return near;
  }

  /** A number for another connection. */
  identify(): number {
    this.#connections += 1;
    return this.#connections;
  }

  latencyMs(): number {
    return this.chance.within(this.weather.latencyMs);
  }

  #arrive(near: Endpoint, far: Endpoint, name: string, isRefused: boolean): void {
    if (near.isClosed) return;
    const accept = this.#listeners.get(name);
    if (accept === undefined || isRefused) {
      near.closeBy('refused');
      return;
    }
    this.open.add(far);
    far.owner = accept(far);
    far.opened();
    near.opened();
    near.owner.onOpen(this.clock.nowMs());
  }
}

/** The core's way to servers. */
export class SimConnector implements Connector {
  readonly #network: Network;
  readonly #onConnect: (end: Endpoint) => void;

  /** @param onConnect told of the core's end of each connection */
  constructor(network: Network, onConnect: (end: Endpoint) => void) {
    this.#network = network;
    this.#onConnect = onConnect;
  }

  connect(address: ServerAddress, owner: StreamOwner): Stream {
    const end = this.#network.connect(address.host, owner, true);
    this.#onConnect(end);
    return end;
  }

  /** Names of the simulation do not move. */
  addressesVersion(): number {
    return 0;
  }

  leadsTo(): boolean {
    return true;
  }
}

/** One end of a connection. */
export class Endpoint implements Stream {
  readonly network: Network;
  readonly connection: number;
  readonly isCore: boolean;
  readonly name: string;
  owner!: StreamOwner;
  peer!: Endpoint;
  isClosed = false;
  /** The most that ever waited to be sent. */
  pendingBytesMost = 0;
  /** Bytes that the owner has been given. */
  readBytes = 0;
  /** Bytes that the owner has written. */
  writtenBytes = 0;
  pendingBytes = 0;
  readonly #windowBytes: number;
  #isOpen = false;
  readonly #queue: Buffer[] = [];
  #owesDrain = false;
  #isEnding = false;
  #finIsSent = false;
  #lastArrivalMs = 0;
  /** Sent to this end and not yet read by it. */
  #bufferedBytes = 0;
  readonly #unread: Buffer[] = [];
  #isPaused = false;
  #readIsDue = false;
  #finArrived = false;
  #endIsTold = false;
  #resetArrived = false;

  constructor(network: Network, connection: number, isCore: boolean, name: string) {
    this.network = network;
    this.connection = connection;
    this.isCore = isCore;
    this.name = name;
    this.#windowBytes = network.windowOf(name);
  }

  unsentBytes(): number {
    return this.pendingBytes;
  }

  writeText(text: string): void {
    this.#write(Buffer.from(text, 'latin1'));
  }

  writeBytes(bytes: Buffer, start: number, end: number): void {
    const piece = bytes.subarray(start, end);
    const isKept = this.isCore && this.network.sabotage.keepsReferences;
    this.#write(isKept ? piece : Buffer.from(piece));
  }

  writeTextAndBytes(text: string, bytes: Buffer, start: number, end: number): void {
    this.#write(Buffer.concat([Buffer.from(text, 'latin1'), bytes.subarray(start, end)]));
  }

  pause(): void {
    if (this.isCore && this.network.sabotage.ignoresPause) return;
    this.#isPaused = true;
  }

  resume(): void {
    if (!this.#isPaused) return;
    this.#isPaused = false;
    this.#dueRead();
  }

  get isPaused(): boolean {
    return this.#isPaused;
  }

  end(): void {
    if (this.isClosed || this.#isEnding) return;
    this.#note('end');
    this.#isEnding = true;
    this.#pump();
  }

  destroy(): void {
    if (this.isClosed) return;
    this.#note(`destroy, ${this.pendingBytes} pending`);
    this.#close();
    if (!this.#isOpen) return;
    if (this.#unread.length > 0) this.#sendReset();
    else if (!this.#finIsSent) this.#sendFin();
  }

  reset(): void {
    if (this.isClosed) return;
    if (this.isCore && this.network.sabotage.endsProperly) return this.destroy();
    this.#note('reset');
    this.#close();
    if (this.#isOpen) this.#sendReset();
  }

  /** @internal of the network */
  opened(): void {
    this.#isOpen = true;
    this.#pump();
    this.#dueRead();
  }

  /** The world takes the connection away. */
  closeBy(cause: CloseCause): void {
    if (this.isClosed) return;
    this.#close();
    this.#note(`closed: ${cause}`);
    this.owner.onClose(cause, this.network.clock.nowMs());
  }

  #write(bytes: Buffer): void {
    if (this.isClosed || bytes.length === 0) return;
    if (this.#isEnding) {
      if (this.isCore) this.network.onMisuse(this, 'a write after the end');
      return;
    }
    const { sabotage } = this.network;
    const pieces = this.isCore ? (sabotage.write?.(this, bytes) ?? [bytes]) : [bytes];
    for (const piece of pieces) {
      this.#note(`write ${piece.length}`);
      this.writtenBytes += piece.length;
      this.pendingBytes += piece.length;
      this.#queue.push(piece);
    }
    if (this.#resetArrived) this.network.clock.after(0, () => this.closeBy('reset'));
    this.#pump();
    if (this.pendingBytes > 0) this.#owesDrain = true;
    this.pendingBytesMost = Math.max(this.pendingBytesMost, this.pendingBytes);
  }

  /** Sends what the window has room for. */
  #pump(): void {
    if (!this.#isOpen || this.isClosed) return;
    const { peer, network } = this;
    while (this.#queue.length > 0 && peer.#bufferedBytes < this.#windowBytes) {
      const room = this.#windowBytes - peer.#bufferedBytes;
      let bytes = Math.min(room, this.#queue[0]!.length);
      if (bytes > 1 && network.chance.happens(network.weather.cut)) {
        bytes = network.chance.whole(1, bytes);
      }
      this.#send(this.#takeFirst(bytes));
      if (this.isClosed) return;
    }
    if (this.#queue.length > 0) return;
    if (this.#owesDrain) {
      this.#owesDrain = false;
      network.clock.after(0, () => this.#drained());
    }
    if (this.#isEnding && !this.#finIsSent) {
      this.#sendFin();
      if (this.isCore && network.tellsOfEnds) network.clock.after(0, () => this.#drained());
    }
  }

  #drained(): void {
    if (this.isClosed || this.pendingBytes > 0) return;
    if (this.isCore && this.network.sabotage.losesDrains) return;
    this.owner.onDrain(this.network.clock.nowMs());
  }

  #takeFirst(bytes: number): Buffer {
    const first = this.#queue[0]!;
    this.pendingBytes -= bytes;
    if (bytes === first.length) this.#queue.shift();
    else this.#queue[0] = first.subarray(bytes);
    return first.subarray(0, bytes);
  }

  #send(piece: Buffer): void {
    const { peer, network } = this;
    peer.#bufferedBytes += piece.length;
    this.#travel(() => peer.#arrived(piece));
    if (network.chance.happens(network.weather.reset)) {
      this.#note('reset by the network');
      this.#travel(() => peer.#resetCame());
      network.clock.after(network.latencyMs(), () => this.#resetCame());
    }
  }

  #sendFin(): void {
    this.#finIsSent = true;
    const { peer } = this;
    this.#travel(() => peer.#finCame());
    this.#closeIfOver();
  }

  #sendReset(): void {
    const { peer } = this;
    this.#travel(() => peer.#resetCame());
  }

  /** Things arrive in the order in which they were sent. */
  #travel(arrive: () => void): void {
    const { clock, chance, weather } = this.network;
    let atMs = clock.nowMs() + this.network.latencyMs();
    if (chance.happens(weather.stall)) atMs += chance.within(weather.stallMs);
    this.#lastArrivalMs = Math.max(this.#lastArrivalMs, atMs);
    clock.at(this.#lastArrivalMs, arrive);
  }

  #arrived(piece: Buffer): void {
    if (this.isClosed) {
      // Nobody is there any more: the sender is told so.
      const { peer } = this;
      this.network.clock.after(this.network.latencyMs(), () => peer.#resetCame());
      return;
    }
    // What follows a reset is lost, or what it made lost would leave a hole.
    if (this.#resetArrived) return;
    this.#unread.push(piece);
    this.#dueRead();
  }

  #finCame(): void {
    this.#finArrived = true;
    this.#dueRead();
  }

  #resetCame(): void {
    if (this.isClosed) return;
    this.#resetArrived = true;
    const { chance } = this.network;
    // What came before may or may not still be read. Who neither reads nor writes hears nothing.
    if (chance.happens(0.5)) this.#unread.length = 0;
    if (this.pendingBytes > 0) this.closeBy('reset');
    else this.#dueRead();
  }

  #dueRead(): void {
    if (this.#readIsDue || this.isClosed) return;
    this.#readIsDue = true;
    this.network.clock.after(0, () => {
      this.#readIsDue = false;
      this.#read();
    });
  }

  #read(): void {
    if (this.#isPaused || this.isClosed || !this.#isOpen) return;
    const nowMs = this.network.clock.nowMs();
    if (this.#unread.length > 0) {
      this.#readPiece(nowMs);
      if (!this.isClosed) this.#dueRead();
    } else if (this.#resetArrived) this.closeBy('reset');
    else if (this.#finArrived && !this.#endIsTold) {
      this.#endIsTold = true;
      this.#note('got the end');
      this.owner.onEnd(nowMs);
      this.#closeIfOver();
    }
  }

  #readPiece(nowMs: number): void {
    const { readBuffer, chance, weather, clock } = this.network;
    const start = chance.whole(0, READ_BYTES_MAX);
    let room = READ_BYTES_MAX;
    if (chance.happens(weather.cut)) room = chance.whole(1, chance.pick([3, 80, READ_BYTES_MAX]));
    let end = start;
    while (this.#unread.length > 0 && room > 0) {
      const first = this.#unread[0]!;
      const bytes = Math.min(room, first.length);
      first.copy(readBuffer, end, 0, bytes);
      if (bytes === first.length) this.#unread.shift();
      else this.#unread[0] = first.subarray(bytes);
      end += bytes;
      room -= bytes;
    }
    this.#bufferedBytes -= end - start;
    this.readBytes += end - start;
    this.#note(`read ${end - start}`);
    this.owner.onBytes(readBuffer, start, end, nowMs);
    readBuffer.fill(POISON, start, end);
    const { peer } = this;
    clock.after(this.network.latencyMs(), () => peer.#pump());
  }

  /** Both sides have said all: the connection is over by itself. */
  #closeIfOver(): void {
    if (!this.#endIsTold || !this.#finIsSent || this.isClosed) return;
    this.network.clock.after(0, () => this.closeBy('closed'));
  }

  #close(): void {
    this.isClosed = true;
    this.pendingBytes = 0;
    this.#queue.length = 0;
    this.network.open.delete(this);
  }

  #note(text: string): void {
    this.network.trace.note(
      this.connection,
      `${this.isCore ? 'core' : 'world'}${this.name} ${text}`,
    );
  }
}
