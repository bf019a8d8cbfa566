/**
 * The listening sockets of an instance. They belong to the control thread, which accepts nothing:
 * the data threads accept, each from a descriptor of its own.
 *
 * Each lane has its own socket on a TCP address (`SO_REUSEPORT`), for the kernel then spreads
 * connections evenly. Threads that share one socket do not: of 100 connections that came together,
 * one of six threads took 94. But the kernel also goes on handing connections to a socket that
 * nobody accepts from. So a socket outlives the thread it is for, and while a lane has no thread
 * that runs, another accepts from its sockets: nobody is refused, and nobody waits longer than it
 * takes to start a thread. A unix socket, of which there can be one only, belongs to one lane.
 *
 * Closing one of several sockets of an address resets whoever waits in it, though the others go on.
 * So with fewer lanes they stay, those left accept from them, and a lane that is new takes one over.
 *
 * Where sockets do not outlive threads (`ListeningSockets.areKept`), each thread opens its own
 * sockets, and what waits in them is lost with it.
 */
import type { ListeningSockets } from '../../io/backend.ts';
import { isSameSocket, type ListenAddress } from '../../plan/listen.ts';
import type { ListeningSocket, OpenSocket } from '../../worker/messages.ts';

export interface LaneSocket extends ListeningSocket {
  readonly lane: number;
}

export class LaneSockets {
  readonly #system: ListeningSockets;
  #sockets: LaneSocket[] = [];

  constructor(system: ListeningSockets) {
    this.#system = system;
  }

  /** Whether they outlive the threads. */
  get areKept(): boolean {
    return this.#system.areKept;
  }

  /** Claims an address. @throws the system's error */
  claim(address: ListenAddress): Promise<void> {
    return this.#system.claim(address);
  }

  /**
   * Takes over the previous instance's sockets: each socket of an address goes to another lane,
   * while lanes last.
   */
  inherit(inherited: readonly OpenSocket[], lanes: number): void {
    for (const { address, fd } of inherited) {
      const lane = this.#at(address).length % lanes;
      this.#sockets.push({ address, fd, lane: address.path === '' ? lane : 0 });
    }
  }

  /**
   * Opens what a lane lacks of these addresses.
   *
   * @param lanes all lanes; a socket of any other lane is taken over
   * @throws the system's error of the first that could not be opened
   */
  async open(
    lane: number,
    addresses: readonly ListenAddress[],
    lanes: readonly number[],
  ): Promise<void> {
    for (const address of addresses) {
      const others = this.#at(address);
      const hasIt =
        address.path === '' ? others.some((one) => one.lane === lane) : others.length > 0;
      if (hasIt) continue;
      const orphan = others.find((one) => one.fd !== null && !lanes.includes(one.lane));
      if (orphan !== undefined) {
        this.#sockets[this.#sockets.indexOf(orphan)] = { ...orphan, lane };
        continue;
      }
      this.#sockets.push({
        lane,
        address,
        fd: this.areKept ? await this.#system.open(address) : null,
      });
    }
  }

  /**
   * The sockets a lane accepts from.
   *
   * @param running lanes whose threads accept; the sockets of the others are spread over them
   * @param addresses those that are listened on by now
   */
  of(
    lane: number,
    running: readonly number[],
    addresses: readonly ListenAddress[],
  ): ListeningSocket[] {
    const at = running.indexOf(lane);
    let orphans = 0;
    return this.#sockets
      .filter((one) => {
        if (!addresses.some((address) => isSameSocket(one.address, address))) return false;
        if (one.lane === lane) return true;
        if (one.fd === null || running.includes(one.lane)) return false;
        return orphans++ % running.length === at;
      })
      .map(({ address, fd }) => ({ address, fd }));
  }

  /** Those that are kept here. */
  kept(): OpenSocket[] {
    return this.#sockets.flatMap(({ address, fd }) => (fd === null ? [] : [{ address, fd }]));
  }

  /** The thread of a lane is gone. */
  died(lane: number): void {
    if (this.areKept) return;
    this.#sockets = this.#sockets.map((one) => (one.lane === lane ? { ...one, fd: null } : one));
  }

  /**
   * Forgets some.
   *
   * @param isHandedOver another process accepts from them
   * @returns closes them, to be called when no data thread may still be told to accept from them
   */
  drop(isMeant: (one: LaneSocket) => boolean, isHandedOver = false): () => void {
    const dropped = this.#sockets.filter(isMeant);
    this.#sockets = this.#sockets.filter((one) => !isMeant(one));
    return () => {
      // Otherwise they belong to the threads, which close them.
      if (!this.areKept) return;
      for (const { fd, address } of dropped) {
        if (fd !== null) this.#system.close(fd, address, isHandedOver);
      }
    };
  }

  #at(address: ListenAddress): LaneSocket[] {
    return this.#sockets.filter((one) => isSameSocket(one.address, address));
  }
}
