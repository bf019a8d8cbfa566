import type { Accepted, Backend, Listener } from '../io/backend.ts';
import { isSameSocket, type ListenAddress } from '../plan/listen.ts';
import type { ListeningSocket, OpenSocket } from './messages.ts';

/** The listeners of a data thread. */
export class Listeners {
  readonly #backend: Backend;
  readonly #onAccept: (accepted: Accepted, address: ListenAddress) => void;
  #open: Listener[] = [];
  #last: Promise<void> = Promise.resolve();
  #isEnding = false;

  /** @param onAccept gets the address as the listener was opened */
  constructor(backend: Backend, onAccept: (accepted: Accepted, address: ListenAddress) => void) {
    this.#backend = backend;
    this.#onAccept = onAccept;
  }

  /**
   * Accepts from these sockets only. One call at a time.
   *
   * @throws the system's error of the first that could not be opened
   */
  follow(sockets: readonly ListeningSocket[]): Promise<void> {
    const done = this.#last.then(() => this.#follow(sockets));
    this.#last = done.catch(() => {});
    return done;
  }

  /** By the numbers of its own descriptors. */
  sockets(): OpenSocket[] {
    return this.#open.map(({ address, fd }) => ({ address, fd }));
  }

  /**
   * Opens nothing more, accepts waiting clients, then stops accepting.
   *
   * @param waitingMs how long it accepts waiting clients
   * @param isHandedOver another process accepts on the same sockets, waiting clients included
   */
  async end(waitingMs: number, isHandedOver: boolean): Promise<void> {
    this.#isEnding = true;
    await this.#last;
    if (!isHandedOver) await this.#backend.acceptWaiting(waitingMs);
    for (const listener of this.#open) {
      if (isHandedOver) listener.leave();
      else listener.close();
    }
  }

  close(): void {
    for (const listener of this.#open) listener.close();
  }

  async #follow(sockets: readonly ListeningSocket[]): Promise<void> {
    const isOf = (listener: Listener, { address, fd }: ListeningSocket) =>
      listener.given === fd && isSameSocket(listener.address, address);
    const stays = (listener: Listener) => sockets.some((socket) => isOf(listener, socket));
    for (const listener of this.#open) if (!stays(listener)) listener.close();
    this.#open = this.#open.filter(stays);
    for (const socket of sockets) {
      if (this.#isEnding) return;
      if (this.#open.some((listener) => isOf(listener, socket))) continue;
      const { address, fd } = socket;
      const onAccept = (accepted: Accepted) => this.#onAccept(accepted, address);
      this.#open.push(await this.#backend.listen(address, fd, onAccept));
    }
  }
}
