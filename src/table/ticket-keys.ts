/**
 * The keys of TLS session tickets, in memory that all threads share, so that a session begun at one
 * data thread is resumed at any other (RFC 5077 §4).
 *
 * A ring of keys: tickets are made with one, and those made with the two before it are still read.
 * The control thread turns the ring, the data threads only read.
 */

/** A name of 16 bytes, a key for HMAC and one for AES, of 16 bytes each. */
export const TICKET_KEY_BYTES = 48;
const NAME_BYTES = 16;
const KEYS = 3;
const HEADER_BYTES = 8;

export interface TicketKey {
  readonly name: Buffer;
  readonly hmac: Buffer;
  readonly aes: Buffer;
}

export class TicketKeys {
  readonly memory: SharedArrayBuffer;
  /** How often the ring was turned. */
  readonly #turns: Int32Array;
  readonly #bytes: Uint8Array;
  #known: readonly TicketKey[] = [];
  #knownTurns = -1;

  private constructor(memory: SharedArrayBuffer) {
    this.memory = memory;
    this.#turns = new Int32Array(memory, 0, 1);
    this.#bytes = new Uint8Array(memory, HEADER_BYTES);
  }

  /** @param random gives so many bytes that nobody can guess */
  static create(random: (bytes: number) => Uint8Array): TicketKeys {
    const memory = new SharedArrayBuffer(HEADER_BYTES + KEYS * TICKET_KEY_BYTES);
    const keys = new TicketKeys(memory);
    keys.#bytes.set(random(KEYS * TICKET_KEY_BYTES));
    return keys;
  }

  static open(memory: SharedArrayBuffer): TicketKeys {
    return new TicketKeys(memory);
  }

  /** From now on tickets are made with another key, and the oldest is forgotten. */
  turn(random: (bytes: number) => Uint8Array): void {
    const turns = Atomics.load(this.#turns, 0) + 1;
    this.#bytes.set(random(TICKET_KEY_BYTES), slot(turns) * TICKET_KEY_BYTES);
    Atomics.store(this.#turns, 0, turns);
  }

  /** The key that tickets are made with. */
  get current(): TicketKey {
    return this.#all()[slot(this.#knownTurns)]!;
  }

  /** The key of that name; undefined where it was forgotten, or never ours. */
  find(name: Uint8Array): TicketKey | undefined {
    return this.#all().find((key) => key.name.equals(name));
  }

  /** Copies in memory of this thread, made anew when the ring was turned. */
  #all(): readonly TicketKey[] {
    const turns = Atomics.load(this.#turns, 0);
    if (turns !== this.#knownTurns) {
      this.#known = Array.from({ length: KEYS }, (_, index) => this.#read(index));
      this.#knownTurns = turns;
    }
    return this.#known;
  }

  #read(index: number): TicketKey {
    const start = index * TICKET_KEY_BYTES;
    const bytes = Buffer.from(this.#bytes.slice(start, start + TICKET_KEY_BYTES));
    return {
      name: bytes.subarray(0, NAME_BYTES),
      hmac: bytes.subarray(NAME_BYTES, 2 * NAME_BYTES),
      aes: bytes.subarray(2 * NAME_BYTES),
    };
  }
}

function slot(turns: number): number {
  return turns % KEYS;
}
