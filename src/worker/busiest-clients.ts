/** What one client did since it was first seen. */
export interface ClientCount {
  readonly address: string;
  requests: number;
  /** Answers with 5xx, and what was refused or broken off. */
  errors: number;
  /** Of bodies, to the client. */
  bytes: number;
}

const CLIENTS_MAX = 1024;
const KEPT = CLIENTS_MAX / 2;

/**
 * The clients of one data thread that ask most, in a table of fixed size. When it is full the
 * quieter half is forgotten: a client that keeps asking is counted exactly from some moment on,
 * whatever crowd passes by.
 */
export class BusiestClients {
  readonly #clients = new Map<string, ClientCount>();

  /** One request is over; called for every one. */
  count(address: string, isError: boolean, bytes: number): void {
    const client = this.#clients.get(address) ?? this.#add(address);
    client.requests += 1;
    if (isError) client.errors += 1;
    client.bytes += bytes;
  }

  /** The busiest, the busiest first. */
  top(count: number): ClientCount[] {
    return this.#byRequests().slice(0, count);
  }

  #add(address: string): ClientCount {
    if (this.#clients.size === CLIENTS_MAX) {
      for (const { address: quiet } of this.#byRequests().slice(KEPT)) this.#clients.delete(quiet);
    }
    const client = { address, requests: 0, errors: 0, bytes: 0 };
    this.#clients.set(address, client);
    return client;
  }

  #byRequests(): ClientCount[] {
    return [...this.#clients.values()].sort((a, b) => b.requests - a.requests);
  }
}
