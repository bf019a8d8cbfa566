/** Sockets and listeners that write down what they are told. */
import type { Holder } from '../../backend.ts';
import type { PolledListener, PolledSocket, Poller } from '../poller.ts';

/** Writes down what it is told to hold no more. */
export class RecordingHolder implements Holder {
  readonly removed: number[] = [];

  add(): void {}
  mapped(): void {}

  remove(fd: number): void {
    this.removed.push(fd);
  }
}

export class RecordingSocket implements PolledSocket {
  readonly fd: number;
  slot = -1;
  receiveBytes = 16 * 1024;
  received: Buffer = Buffer.alloc(0);
  /** The sizes of the pieces that came. */
  readonly pieces: number[] = [];
  /** An errno; -1: not yet. */
  endedBy = -1;
  readonly sent: number[] = [];
  writable = 0;
  readonly #poller: Poller;
  /** Called with each piece, in the call that gives it. */
  use: (start: number, lengthBytes: number) => void = () => {};

  constructor(poller: Poller, fd: number) {
    this.#poller = poller;
    this.fd = fd;
  }

  onReceived(start: number, lengthBytes: number): void {
    const bytes = this.#poller.arena.bytes.subarray(start, start + lengthBytes);
    this.received = Buffer.concat([this.received, bytes]);
    this.pieces.push(lengthBytes);
    this.use(start, lengthBytes);
  }

  onReceivedEnd(errno: number): void {
    this.endedBy = errno;
  }

  onSent(result: number): void {
    this.sent.push(result);
  }

  onWritable(): void {
    this.writable += 1;
  }

  /** Sends what is staged now. @returns false: there is no room in this turn */
  say(bytes: Buffer): boolean {
    const start = this.#poller.stage(bytes.length);
    if (start === -1) return false;
    bytes.copy(this.#poller.arena.bytes, start);
    this.#poller.send(this, start, bytes.length);
    return true;
  }
}

export class RecordingListener implements PolledListener {
  readonly fd: number;
  slot = -1;
  readonly accepted: number[] = [];
  readonly failures: number[] = [];

  constructor(fd: number) {
    this.fd = fd;
  }

  onAccepted(fd: number): void {
    this.accepted.push(fd);
  }

  onAcceptFailed(errno: number): void {
    this.failures.push(errno);
  }
}
