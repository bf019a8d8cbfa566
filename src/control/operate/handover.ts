/**
 * An upgrade without a lost connection: the running instance starts its successor, which inherits
 * the listening sockets themselves, so that what waits in them to be accepted waits on. The same
 * way as nginx's USR2.
 *
 *     predecessor                                successor
 *     starts it with its sockets           ──▶   opens its data threads on them
 *                                          ◀──   ready
 *     closes its admin API, `released`     ──▶   opens the admin API
 *                                          ◀──   up
 *     accepts no more, drains, ends
 *
 * A successor that fails on the way says why and ends; its predecessor goes on as if nothing had
 * been.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync } from 'node:fs';
import type { ListenAddress } from '../../plan/listen.ts';
import type { OpenSocket } from '../../worker/messages.ts';
import type { Said } from './operator.ts';

/** Holds what a successor inherits; the sockets themselves come in the order named there. */
const VARIABLE = 'OPENCLAW_INHERITS';
/** Standard input, output and error come before, and the channel to the predecessor. */
const FIRST_SOCKET = 4;
/** A successor that takes longer is stopped. */
const READY_MS_MAX = 60_000;

type FromSuccessor =
  | { readonly type: 'ready' }
  | { readonly type: 'up' }
  | { readonly type: 'failed'; readonly why: string };
type ToSuccessor = { readonly type: 'released' } | { readonly type: 'cancelled' };

/** What a successor inherits. */
export interface Inheritance {
  readonly sockets: readonly OpenSocket[];
  /** What operators set for servers, whether or not it outlives restarts. */
  readonly said: readonly (readonly [address: string, said: Said])[];
}

/** As it stands in the variable. */
interface Written {
  readonly addresses: readonly ListenAddress[];
  readonly said: Inheritance['said'];
}

/** The instance that this one starts to take its place. */
export class Successor {
  readonly pid: number;
  readonly #child: ChildProcess;

  private constructor(child: ChildProcess) {
    this.#child = child;
    this.pid = child.pid ?? 0;
  }

  /**
   * Starts the program again, as this one was started, and waits until its data threads accept.
   *
   * @param cancelled it is no longer wanted: it is to drain and exit
   * @throws Error that says why it did not start
   */
  static async start({ sockets, said }: Inheritance, cancelled: AbortSignal): Promise<Successor> {
    const written: Written = { addresses: sockets.map(({ address }) => address), said };
    const [, ...args] = process.argv;
    const child = spawn(process.execPath, [...process.execArgv, ...args], {
      stdio: ['inherit', 'inherit', 'inherit', 'ipc', ...sockets.map(({ fd }) => fd)],
      env: { ...process.env, [VARIABLE]: JSON.stringify(written) },
    });
    const successor = new Successor(child);
    cancelled.addEventListener('abort', () => {
      if (child.connected) child.send({ type: 'cancelled' } satisfies ToSuccessor);
    });
    await successor.#hear('ready');
    return successor;
  }

  /** The admin API's addresses are free now. @throws Error that says why it did not start */
  async release(): Promise<void> {
    const isUp = this.#hear('up');
    this.#child.send({ type: 'released' } satisfies ToSuccessor);
    await isUp;
    this.#child.disconnect();
    this.#child.unref();
  }

  #hear(wanted: FromSuccessor['type']): Promise<void> {
    const child = this.#child;
    return new Promise((resolve, reject) => {
      const stop = () => {
        clearTimeout(deadline);
        child.off('message', onMessage).off('exit', onExit).off('error', end);
      };
      const end = (error?: Error) => {
        stop();
        if (error === undefined) return resolve();
        child.kill();
        reject(error);
      };
      // It ends by itself, when what it has accepted is done.
      const fail = (error: Error) => {
        stop();
        child.unref();
        if (child.connected) child.disconnect();
        reject(error);
      };
      const onMessage = (message: FromSuccessor) => {
        if (message.type === wanted) end();
        else if (message.type === 'failed') fail(new Error(message.why));
      };
      const onExit = (code: number | null, signal: string | null) =>
        end(new Error(`it exited with ${signal ?? code}`));
      const deadline = setTimeout(
        () => end(new Error(`it was not ready within ${READY_MS_MAX / 1000}s`)),
        READY_MS_MAX,
      );
      child.on('message', onMessage).on('exit', onExit).on('error', end);
    });
  }
}

/** The instance that started this one to take its place. */
export class Predecessor {
  readonly inheritance: Inheritance;

  private constructor(inheritance: Inheritance) {
    this.inheritance = inheritance;
  }

  /** @returns null where this instance was started by a person or a service manager */
  static find(env: NodeJS.ProcessEnv): Predecessor | null {
    const text = env[VARIABLE];
    if (text === undefined || process.send === undefined) return null;
    delete env[VARIABLE];
    const { addresses, said } = JSON.parse(text) as Written;
    const sockets = addresses.map((address, index) => ({ address, fd: FIRST_SOCKET + index }));
    return new Predecessor({ sockets, said });
  }

  /** Closes the inherited sockets of unwanted addresses: nothing would accept there. */
  closeUnwanted(isWanted: (address: ListenAddress) => boolean): void {
    for (const { address, fd } of this.inheritance.sockets) if (!isWanted(address)) closeSync(fd);
  }

  /**
   * Asks for the addresses of the admin API.
   *
   * @returns true when they are free; false: the predecessor is exiting and wants no successor
   */
  askRelease(): Promise<boolean> {
    const released = new Promise<boolean>((resolve) => {
      process.once('message', ({ type }: ToSuccessor) => resolve(type === 'released'));
      process.once('disconnect', () => resolve(true));
    });
    this.#say({ type: 'ready' });
    return released;
  }

  /** From now on this instance is in charge. */
  takeOver(): void {
    this.#say({ type: 'up' });
  }

  /** This instance does not take over; its process may exit. */
  fail(why: string): void {
    if (!process.connected) return;
    process.send?.({ type: 'failed', why } satisfies FromSuccessor, () => {
      if (process.connected) process.disconnect?.();
    });
  }

  #say(message: FromSuccessor): void {
    if (process.connected) process.send?.(message);
  }
}
