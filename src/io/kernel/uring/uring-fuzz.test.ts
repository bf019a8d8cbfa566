/**
 * Whatever a kernel completes, in whatever order: each buffer has one owner, what was sent is what was
 * staged, a closed socket hears nothing, a descriptor is closed once, and nobody waits for ever.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Random, seededRandom } from '../../../base/random.ts';
import { Arena } from '../arena.ts';
import { EAGAIN, EPIPE, hasCalls } from '../calls.ts';
import { type PolledListener, type PolledSocket, STAGE_BYTES } from '../poller.ts';
import {
  type SimulatedConnection,
  SimulatedKernel,
  SimulatedListener,
} from './simulated-kernel.fixture.ts';
import { UringPoller } from './uring-poller.ts';

const SEEDS = 20;
const STEPS = 1500;
const SOCKETS_MAX = 12;
/** Turns after which what has not happened will not. */
const QUIET_POLLS_MAX = 3000;
const ARENA_BYTES = 16 * 1024 * 1024;

test('sockets keep their promises whatever a kernel completes', { skip: !hasCalls }, () => {
  for (let seed = 1; seed <= SEEDS; seed++) {
    const arena = Arena.map(ARENA_BYTES);
    try {
      new Fuzz(arena, seededRandom(seed)).run();
    } catch (error) {
      throw new Error(`seed ${seed}`, { cause: error });
    } finally {
      arena.unmap();
    }
  }
});

class Fuzz {
  readonly arena: Arena;
  readonly random: Random;
  readonly kernel: SimulatedKernel;
  readonly poller: UringPoller;
  readonly open = new Set<FuzzSocket>();
  readonly listener: FuzzListener;

  constructor(arena: Arena, random: Random) {
    this.arena = arena;
    this.random = random;
    this.kernel = new SimulatedKernel(arena, random);
    this.poller = new UringPoller(arena, this.kernel, -1, {
      add() {},
      remove: (fd) => this.kernel.letGo.add(fd),
      mapped() {},
    });
    this.listener = new FuzzListener(this, this.kernel.open(new SimulatedListener()));
  }

  run(): void {
    this.poller.accept(this.listener);
    for (let step = 0; step < STEPS; step++) this.#step();
    this.#settle();
  }

  adopt(fd: number): void {
    const socket = new FuzzSocket(this, fd);
    this.open.add(socket);
    this.poller.adopt(socket);
    if (this.chance(0.8)) socket.receive();
  }

  chance(probability: number): boolean {
    return this.random() < probability;
  }

  /** One of the open ones, or undefined. */
  any(): FuzzSocket | undefined {
    return [...this.open][Math.floor(this.random() * this.open.size)];
  }

  #step(): void {
    if (this.chance(0.3)) this.poller.poll(this.chance(0.5) ? 10 : 0);
    else if (this.chance(0.2) && this.open.size < SOCKETS_MAX) this.adopt(this.kernel.open());
    else this.any()?.act();
  }

  /** With a kernel that does all it can, everybody gets what is due. */
  #settle(): void {
    this.kernel.isCalm = true;
    for (let polls = 0; polls < 10; polls++) this.poller.poll(0);
    for (const socket of this.open) socket.receive();
    this.#pollUntil(() => [...this.open].every((socket) => socket.isServed()));
    this.#pollUntil(
      () => (this.kernel.files.get(this.listener.fd) as SimulatedListener).left === 0,
    );
    for (const socket of [...this.open]) socket.close();
    this.poller.leave(this.listener);
    this.kernel.close(this.listener.fd);
    this.#pollUntil(() => this.poller.isIdle);
    for (const socket of [...this.open]) socket.close();
    this.#pollUntil(() => this.poller.isIdle);
    this.poller.poll(0);
    this.kernel.assertQuiet();
    assert.deepEqual([...this.kernel.files], []);
  }

  #pollUntil(isDone: () => boolean): void {
    for (let polls = 0; polls < QUIET_POLLS_MAX; polls++) {
      if (isDone()) return;
      this.poller.poll(10);
    }
    assert.fail('somebody waits for ever');
  }
}

class FuzzSocket implements PolledSocket {
  readonly fd: number;
  slot = -1;
  receiveBytes = 16 * 1024;
  readonly #fuzz: Fuzz;
  readonly #connection: SimulatedConnection;
  #receivedBytes = 0;
  #endedBy = -1;
  /** What is being sent. */
  #saying: Buffer | null = null;
  #said: Buffer = Buffer.alloc(0);
  #awaits = false;
  #isShutDown = false;
  #isBroken = false;
  #isClosed = false;

  constructor(fuzz: Fuzz, fd: number) {
    this.#fuzz = fuzz;
    this.fd = fd;
    this.#connection = fuzz.kernel.files.get(fd) as SimulatedConnection;
  }

  receive(): void {
    this.#fuzz.poller.receive(this);
  }

  act(): void {
    const { poller, random } = this.#fuzz;
    const what = random();
    if (what < 0.5) this.#say();
    else if (what < 0.6) poller.holdBack(this);
    else if (what < 0.8) this.receive();
    else if (what < 0.85) this.receiveBytes = this.#fuzz.chance(0.5) ? 16 * 1024 : 64 * 1024;
    else if (what < 0.9) this.#awaitWritable();
    else if (what < 0.93) this.#shutDown();
    else this.close();
  }

  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#fuzz.open.delete(this);
    const { sent } = this.#connection;
    assert.ok(sent.subarray(0, this.#said.length).equals(this.#said), 'sent something else');
    const beyond = sent.subarray(this.#said.length);
    const saying = this.#saying ?? Buffer.alloc(0);
    assert.ok(saying.subarray(0, beyond.length).equals(beyond), 'sent something else');
    this.#fuzz.poller.close(this);
  }

  isServed(): boolean {
    return this.#endedBy !== -1 && this.#saying === null && !this.#awaits;
  }

  onReceived(start: number, lengthBytes: number): void {
    this.#hear();
    const { arena, poller } = this.#fuzz;
    for (let index = 0; index < lengthBytes; index++) {
      const byte = this.#connection.byteAt(this.#receivedBytes + index);
      if (arena.bytes[start + index] !== byte) assert.fail('received something else');
    }
    this.#receivedBytes += lengthBytes;
    if (this.#fuzz.chance(0.5) && this.#maySay()) {
      this.#saying = Buffer.from(arena.bytes.subarray(start, start + lengthBytes));
      poller.send(this, start, lengthBytes);
    }
    this.#actBack();
  }

  onReceivedEnd(errno: number): void {
    this.#hear();
    assert.equal(this.#endedBy, -1);
    assert.equal(errno, this.#connection.endsBy);
    assert.equal(this.#receivedBytes, this.#connection.comesBytes);
    this.#endedBy = errno;
    this.#actBack();
  }

  onSent(result: number): void {
    this.#hear();
    assert.ok(this.#saying !== null, 'a send that was not');
    assert.ok(result > 0 || result === -EAGAIN || result === -EPIPE, `result ${result}`);
    assert.ok(result <= this.#saying.length);
    if (result > 0) this.#said = Buffer.concat([this.#said, this.#saying.subarray(0, result)]);
    if (result === -EPIPE) this.#isBroken = true;
    this.#saying = null;
    this.#actBack();
  }

  onWritable(): void {
    this.#hear();
    assert.ok(this.#awaits);
    this.#awaits = false;
    this.#actBack();
  }

  #hear(): void {
    assert.equal(this.#isClosed, false, 'a closed socket hears something');
  }

  #actBack(): void {
    if (this.#fuzz.kernel.isCalm) return;
    if (this.#fuzz.chance(0.2)) this.act();
    if (this.#fuzz.chance(0.1)) this.#fuzz.any()?.act();
  }

  #maySay(): boolean {
    return this.#saying === null && !this.#isShutDown && !this.#isBroken && !this.#isClosed;
  }

  #say(): void {
    if (!this.#maySay()) return;
    const { arena, poller, random } = this.#fuzz;
    const lengthBytes = 1 + Math.floor(random() ** 4 * STAGE_BYTES);
    const start = poller.stage(lengthBytes);
    if (start === -1) return;
    const first = Math.floor(random() * 256);
    for (let index = 0; index < lengthBytes; index++)
      arena.bytes[start + index] = first + index * 7;
    this.#saying = Buffer.from(arena.bytes.subarray(start, start + lengthBytes));
    poller.send(this, start, lengthBytes);
  }

  #awaitWritable(): void {
    this.#awaits = true;
    this.#fuzz.poller.awaitWritable(this);
  }

  #shutDown(): void {
    if (this.#isShutDown) return;
    this.#isShutDown = true;
    this.#fuzz.poller.shutdown(this);
  }
}

class FuzzListener implements PolledListener {
  readonly fd: number;
  slot = -1;
  readonly #fuzz: Fuzz;

  constructor(fuzz: Fuzz, fd: number) {
    this.#fuzz = fuzz;
    this.fd = fd;
  }

  onAccepted(fd: number): void {
    this.#fuzz.adopt(fd);
  }

  onAcceptFailed(): void {}
}
