/** A client's connection, as the worker that holds it sees it. */
export interface Client {
  /** Ends the connection once its current requests are complete. */
  drain(): void;
  /** Ends it at once. */
  abort(nowMs: number): void;
  /** How long it has been idle between two requests; -1: it is not. */
  idleMs(nowMs: number): number;
  /** Ends it if idle: another client needs its place. */
  dismiss(): void;
}

/** A connection that carries no requests: it is still being set up, or turned away. */
export abstract class TransientClient implements Client {
  abstract drain(): void;
  abstract abort(nowMs: number): void;

  idleMs(): number {
    return -1;
  }

  dismiss(): void {}
}
