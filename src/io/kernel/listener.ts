import { unlinkSync } from 'node:fs';
import { isGone } from '../../core/ports/arrival.ts';
import type { ListenAddress } from '../../plan/listen.ts';
import type { Accepted, Listener } from '../backend.ts';
import { type AcceptContext, KernelAccepted } from './accepted.ts';
import { calls, EMFILE } from './calls.ts';
import { duplicate } from './duplicate.ts';
import { systemError } from './errors.ts';
import type { PolledListener } from './poller.ts';
import { listening, portOf, tellListening } from './sockets.ts';

/** The kernel bounds it by net.core.somaxconn. */
const BACKLOG = 4096;

/** Accepts from a listening socket all who come. */
export class KernelListener implements Listener, PolledListener {
  readonly address: ListenAddress;
  readonly given: number | null;
  readonly fd: number;
  readonly port: number;
  slot = -1;
  readonly #context: AcceptContext;
  readonly #onAccept: (accepted: Accepted) => void;
  #isOpen = true;

  /** @throws the system's error */
  constructor(
    context: AcceptContext,
    address: ListenAddress,
    given: number | null,
    onAccept: (accepted: Accepted) => void,
  ) {
    this.#context = context;
    this.#onAccept = onAccept;
    this.address = address;
    this.given = given;
    this.fd = given === null ? listening(address, BACKLOG) : ownOf(given);
    this.port = address.path === '' ? portOf(this.fd) : address.port;
    context.holder.add(this.fd);
    tellListening(this.fd);
    context.poller.accept(this);
    context.loop.wake();
  }

  close(): void {
    if (!this.#isOpen) return;
    this.leave();
    const { path } = this.address;
    if (this.given !== null || path === '') return;
    try {
      unlinkSync(path);
    } catch {
      // Somebody else has removed it.
    }
  }

  leave(): void {
    if (!this.#isOpen) return;
    this.#isOpen = false;
    this.#context.poller.leave(this);
    this.#context.holder.remove(this.fd);
    calls.close(this.fd);
  }

  /** @internal of the poller */
  onAccepted(fd: number): void {
    const { accepts, gate, contain, clock } = this.#context;
    accepts.count += 1;
    const accepted = new KernelAccepted(this.#context, fd, this.#onAccept);
    if (isGone(accepted.peer, this.address.path)) return accepted.close();
    try {
      gate.enter(accepted);
    } catch (error) {
      contain(error, accepted, clock.nowMs());
    }
  }

  /** @internal of the poller: it tries again, and who waits waits in the kernel meanwhile */
  onAcceptFailed(): void {}
}

/** Whoever gave a descriptor may close it at any time, and its number is another socket's then. */
function ownOf(given: number): number {
  const fd = duplicate(given);
  if (fd === null) throw systemError('fcntl', EMFILE);
  return fd;
}
