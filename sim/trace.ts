/** How many of a connection's last events are kept for the report of a failure. */
const EVENTS_KEPT = 60;
/** Events of the whole run that the verbose report keeps. */
const LINES_MAX = 200_000;

/** What happened, in order: a hash of all of it, and the last events of each connection. */
export class Trace {
  readonly #nowMs: () => number;
  readonly #isVerbose: boolean;
  readonly #byConnection = new Map<number, string[]>();
  readonly lines: string[] = [];
  #hash = 0x811c9dc5;
  #events = 0;

  constructor(nowMs: () => number, isVerbose: boolean) {
    this.#nowMs = nowMs;
    this.#isVerbose = isVerbose;
  }

  note(connection: number, text: string): void {
    const order = String(this.#events).padStart(6);
    const line = `${order} ${this.#nowMs().toFixed(3).padStart(11)} #${connection} ${text}`;
    this.#events += 1;
    for (let at = 0; at < line.length; at++) {
      this.#hash = Math.imul(this.#hash ^ line.charCodeAt(at), 0x01000193);
    }
    let kept = this.#byConnection.get(connection);
    if (kept === undefined) {
      kept = [];
      this.#byConnection.set(connection, kept);
    }
    kept.push(line);
    if (kept.length > EVENTS_KEPT) kept.shift();
    if (this.#isVerbose && this.lines.length < LINES_MAX) this.lines.push(line);
  }

  /** The same seed gives the same hash. */
  get hash(): string {
    return `${(this.#hash >>> 0).toString(16).padStart(8, '0')}-${this.#events}`;
  }

  of(connection: number): readonly string[] {
    return this.#byConnection.get(connection) ?? [];
  }
}
