/** What the suite of backends stands on: surroundings, and an owner that remembers what it was told. */
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import net from 'node:net';
import { networkInterfaces } from 'node:os';
import { join } from 'node:path';
import { Worker } from 'node:worker_threads';
import { containing } from '../base/contain.ts';
import { TimerWheel } from '../base/wheel.ts';
import type { ServerAddress } from '../core/ports/server-address.ts';
import type { CloseCause, Stream, StreamOwner } from '../core/ports/stream.ts';
import type { ListenAddress } from '../plan/listen.ts';
import type { Accepted, Backend, Doorkeeper, Holder, Listener, OpenBackend } from './backend.ts';
import { realClock } from './real-clock.ts';
import { Resolver } from './resolver.ts';

export const LOOPBACK: ListenAddress = { host: '127.0.0.1', port: 0, path: '', speaks: 'http' };

export const HAS_IPV6: boolean = Object.values(networkInterfaces()).some((all) =>
  all?.some(({ address }) => address === '::1'),
);

/** For `localhost`. */
export const [CERT, KEY] = ['server.crt', 'server.key'].map((file) =>
  readFileSync(join(import.meta.dirname, '../../test/e2e/tls', file), 'utf8'),
) as [string, string];
/** More than two kernels hold of one connection. */
export const MUCH_BYTES = 16 * 1024 * 1024;
export const PIECE: Buffer = Buffer.from('0123456789abcdef'.repeat(4096));

/** Registers a test in surroundings of its own. */
export type TestWith = (what: string, test: (around: Surroundings) => Promise<void>) => void;

/** Owns a stream, and tells whoever waits for something to have happened. */
export class Ear implements StreamOwner {
  stream!: Stream;
  text = '';
  opens = 0;
  drains = 0;
  ends = 0;
  crashes = 0;
  readonly causes: CloseCause[] = [];
  /** Called with what came, after it was noted. */
  onText: (text: string) => void = () => {};
  #wake: (() => void)[] = [];

  /** For `toStream`. */
  readonly own = (stream: Stream): Ear => {
    this.stream = stream;
    this.#heard();
    return this;
  };

  onOpen(): void {
    this.opens += 1;
    this.#heard();
  }

  onBytes(bytes: Buffer, start: number, end: number): void {
    const text = bytes.toString('latin1', start, end);
    this.text += text;
    this.#heard();
    this.onText(text);
  }

  onDrain(): void {
    this.drains += 1;
    this.#heard();
  }

  onEnd(): void {
    this.ends += 1;
    this.#heard();
  }

  onClose(cause: CloseCause): void {
    this.causes.push(cause);
    this.#heard();
  }

  crashed(): void {
    this.crashes += 1;
    this.#heard();
  }

  /** Waits until it is so; the test's own timeout bounds it. */
  async until(isSo: () => boolean): Promise<void> {
    while (!isSo()) await new Promise<void>((resolve) => this.#wake.push(resolve));
  }

  #heard(): void {
    for (const wake of this.#wake.splice(0)) wake();
  }
}

/** So many places, and what was asked of them. */
export class CountingDoor implements Doorkeeper {
  places = Number.MAX_SAFE_INTEGER;
  taken = 0;
  waits = 0;
  away = 0;

  claim(): boolean {
    if (this.taken >= this.places) return false;
    this.taken += 1;
    return true;
  }

  release(): void {
    this.taken -= 1;
  }

  makeRoom: () => boolean = () => false;

  waiting(by: number): void {
    this.waits += by;
  }

  turnedAway(): void {
    this.away += 1;
  }
}

/** Sees that each is opened before it is closed, and closed before it is opened again. */
export class OpenDescriptors implements Holder {
  readonly open = new Set<number>();

  add(fd: number): void {
    if (this.open.has(fd)) throw new Error(`descriptor ${fd} was open`);
    this.open.add(fd);
  }

  remove(fd: number): void {
    if (!this.open.delete(fd)) throw new Error(`descriptor ${fd} was not open`);
  }

  mapped(): void {}
}

export class Surroundings {
  readonly door = new CountingDoor();
  readonly holder = new OpenDescriptors();
  readonly errors: unknown[] = [];
  readonly wheel: TimerWheel;
  readonly backend: Backend;
  /** The addresses of names; others are not found. */
  readonly names = new Map<string, readonly string[]>([['localhost', ['127.0.0.1', '::1']]]);
  /** How far the clock of the names is ahead. */
  namesAheadMs = 0;
  readonly #endings: (() => void)[] = [];
  readonly #open: OpenBackend;

  constructor(open: OpenBackend) {
    this.#open = open;
    const namesClock = { ...realClock, nowMs: () => realClock.nowMs() + this.namesAheadMs };
    const resolver = new Resolver(namesClock, (host, done) => {
      const error = Object.assign(new Error('no such name'), { code: 'ENOTFOUND' });
      setImmediate(() => done(this.names.get(host) ?? [], error));
    });
    const contain = containing((error) => this.errors.push(error));
    this.wheel = new TimerWheel(realClock.nowMs(), 10, contain);
    this.backend = open({
      clock: realClock,
      wheel: this.wheel,
      contain,
      doorkeeper: this.door,
      holder: this.holder,
      resolver,
      waitingMax: 100,
      readBytes: 64 * 1024,
    });
  }

  /** To be called at the end of the test. */
  atEnd(end: () => void): void {
    this.#endings.push(end);
  }

  /** As of another thread: it shares nothing with this one, and ends with it. */
  another(): Surroundings {
    const other = new Surroundings(this.#open);
    this.atEnd(() => other.end());
    return other;
  }

  end(): void {
    for (const end of this.#endings.reverse()) end();
    this.backend.close();
  }

  async listen(
    onAccept: (accepted: Accepted) => void,
    address = LOOPBACK,
    given: number | null = null,
  ): Promise<Listener> {
    const listener = await this.backend.listen(address, given, onAccept);
    this.atEnd(() => listener.close());
    return listener;
  }

  /** A client's socket, not of the backend. */
  async client(to: net.NetConnectOpts): Promise<net.Socket> {
    const socket = net.connect({ ...to, allowHalfOpen: true } as net.NetConnectOpts);
    socket.on('error', () => {});
    this.atEnd(() => socket.destroy());
    await once(socket, 'connect');
    return socket;
  }

  /** A stream that was accepted, its owner, and the socket at the other end. */
  async accepted(): Promise<{ ear: Ear; stream: Stream; peer: net.Socket }> {
    const ear = new Ear();
    const listener = await this.listen((accepted) => accepted.toStream(ear.own));
    const peer = await this.client({ host: LOOPBACK.host, port: listener.port });
    await ear.until(() => ear.stream !== undefined);
    this.atEnd(() => ear.stream.destroy());
    return { ear, stream: ear.stream, peer };
  }

  /** A stream to a server's address. */
  connect(address: Partial<ServerAddress>, preface = ''): Ear {
    const ear = new Ear();
    const whole: ServerAddress = { host: '', port: 0, path: '', tls: null, ...address };
    ear.stream = this.backend.connector.connect(whole, ear, preface);
    this.atEnd(() => ear.stream.destroy());
    return ear;
  }

  /** A server that is not of the backend. */
  async server(
    listen: net.ListenOptions,
    onSocket: (socket: net.Socket) => void,
  ): Promise<net.Server> {
    const server = net.createServer({ allowHalfOpen: true }, (socket) => {
      socket.on('error', () => {});
      this.atEnd(() => socket.destroy());
      onSocket(socket);
    });
    this.atEnd(() => server.close());
    await once(server.listen(listen), 'listening');
    return server;
  }
}

/**
 * Makes an address of the loopback at which a port takes nobody: the thread that listens there is
 * blocked, and its queue full.
 */
export async function silentAddress(
  around: Pick<Surroundings, 'atEnd'>,
  host: string,
  port: number,
) {
  const worker = new Worker(
    `const { workerData: { host, port, gate }, parentPort } = require('node:worker_threads');
     require('node:net').createServer().listen({ host, port, backlog: 1 }, () => {
       parentPort.postMessage('listening');
       Atomics.wait(gate, 0, 0);
     });`,
    { eval: true, workerData: { host, port, gate: new Int32Array(new SharedArrayBuffer(4)) } },
  );
  await once(worker, 'message');
  const fillers = Array.from({ length: 8 }, () =>
    net.connect({ host, port }).on('error', () => {}),
  );
  await Promise.race(fillers.slice(0, 2).map((one) => once(one, 'connect')));
  around.atEnd(() => {
    for (const filler of fillers) filler.destroy();
    void worker.terminate();
  });
}

/** All that a socket says to its end, or up to so many characters. */
export async function readAll(socket: net.Socket, charsMax = Infinity): Promise<string> {
  let text = '';
  for await (const piece of socket.setEncoding('latin1').iterator({ destroyOnReturn: false })) {
    text += piece;
    if (text.length >= charsMax) break;
  }
  return text;
}

/** Turns of the loop in which nothing is to happen. */
export async function turns(count = 20): Promise<void> {
  for (let turn = 0; turn < count; turn++) await new Promise((resolve) => setImmediate(resolve));
}
