import { extname } from 'node:path';
import { Worker } from 'node:worker_threads';
import { descriptorLimit } from '../../base/descriptors.ts';
import { Holdings } from '../../io/holdings.ts';
import { RELEASES } from '../../io/kernel/release.ts';
import type { WorkerPlan } from '../../plan/worker-plan.ts';
import type { ClientCount } from '../../worker/busiest-clients.ts';
import type { ExplainAnswer, Question } from '../../worker/explanation.ts';
import type { InternalError } from '../../worker/internal-errors.ts';
import { bytesOf, type LinePiece, pieceMemory } from '../../worker/line-pieces.ts';
import type {
  FromWorker,
  HandshakeFailure,
  ListeningSocket,
  OpenSocket,
  ToWorker,
  WorkerStart,
} from '../../worker/messages.ts';
import type { ExchangeRecord } from '../../worker/record.ts';
import { ListenError } from './listen-error.ts';

/**
 * Room for short-lived objects: two half spaces of 16 MB and what V8 adds. Larger ones cost a worker
 * up to 150 MB after some busy minutes, and no request was cheaper for it.
 */
const YOUNG_GENERATION_MB = 48;
/** A thread that is too busy to explain a request within this time is skipped. */
const EXPLAIN_MS_MAX = 2_000;

/** Reports from data threads about their work. */
export interface DataThreadEvents {
  /** Lines of the access log; the bytes go back once the promise is fulfilled. */
  writeLines(bytes: Uint8Array, lines: number): Promise<void>;
  /** Some of the requests that went wrong. */
  onErrors(records: readonly ExchangeRecord[]): void;
  onHandshakeFailures(failures: readonly HandshakeFailure[]): void;
  /** Errors that ended one connection or stream, not the thread. */
  onInternalErrors(lane: number, errors: readonly InternalError[]): void;
  /** The busiest clients of one data thread; none once it is gone. */
  onClients(lane: number, clients: readonly ClientCount[]): void;
}

/** A data thread, as seen by the control thread. */
export class DataThread {
  readonly lane: number;
  /** Fulfilled once it accepts. Rejected with a ListenError, or when it ends before. */
  readonly ready: Promise<void>;
  readonly #worker: Worker;
  readonly #events: DataThreadEvents;
  readonly #lineMemory = pieceMemory();
  #cause = 'it exited by itself';
  #asked = 0;

  /** @throws Error where the system has no thread or memory left for it */
  constructor(start: Omit<WorkerStart, 'lineMemory' | 'holdings'>, events: DataThreadEvents) {
    this.lane = start.lane;
    this.#events = events;
    const holdings = Holdings.create(descriptorLimit());
    const workerData: WorkerStart = {
      ...start,
      lineMemory: this.#lineMemory,
      holdings: holdings.memory,
    };
    const entry = new URL(`../../worker/thread${ownExtension()}`, import.meta.url);
    this.#worker = new Worker(entry, {
      workerData,
      name: `openclaw-data-${start.lane}`,
      resourceLimits: { maxYoungGenerationSizeMb: YOUNG_GENERATION_MB },
    });
    this.#worker.on('error', (error: unknown) => {
      this.#cause = causeOf(error);
    });
    this.ready = new Promise((resolve, reject) => {
      this.#worker.on('message', (message: FromWorker) => {
        if (message.type === 'ready') resolve();
        else if (message.type === 'failed') reject(this.#failed(message.address, message.code));
        else this.#hear(message);
      });
      this.#worker.on('exit', () => {
        holdings.release(RELEASES);
        events.onClients(this.lane, []);
        reject(new Error(this.#cause));
      });
    });
  }

  /** Why it ended; valid once it has. */
  get cause(): string {
    return this.#cause;
  }

  onExit(step: () => void): void {
    this.#worker.once('exit', step);
  }

  say(message: ToWorker): void {
    this.#worker.postMessage(message);
  }

  /** Accepts from these sockets only. A thread that dies meanwhile accepts from none. */
  async accept(sockets: readonly ListeningSocket[]): Promise<void> {
    const number = ++this.#asked;
    await this.#ask({ type: 'accept', number, sockets }, (message) =>
      message.type === 'accepting' && message.number === number ? message : undefined,
    );
  }

  /** The sockets it accepts from. A thread that dies meanwhile accepts from none. */
  async sockets(): Promise<readonly OpenSocket[]> {
    const answer = await this.#ask({ type: 'sockets' }, (message) =>
      message.type === 'sockets' ? message : undefined,
    );
    return answer?.sockets ?? [];
  }

  /**
   * Prepares a plan. A thread that dies meanwhile is replaced by one that starts with the plan then
   * in force.
   *
   * @throws Error where the plan cannot be followed
   */
  async prepare(plan: WorkerPlan): Promise<void> {
    const answer = await this.#ask({ type: 'prepare', plan }, (message) =>
      message.type === 'prepared' || message.type === 'unprepared' ? message : undefined,
    );
    if (answer?.type === 'unprepared') throw new Error(answer.cause);
  }

  /** @returns undefined if it dies or is too busy */
  async explain(question: Question): Promise<ExplainAnswer | undefined> {
    const number = ++this.#asked;
    const answer = await this.#ask(
      { type: 'explain', number, question },
      (message) =>
        message.type === 'explained' && message.number === number ? message : undefined,
      EXPLAIN_MS_MAX,
    );
    return answer?.answer;
  }

  async terminate(): Promise<void> {
    await this.#worker.terminate();
  }

  #failed(address: string, code: string): ListenError {
    const error = new ListenError(address, code);
    this.#cause = error.message;
    void this.#worker.terminate();
    return error;
  }

  #hear(message: FromWorker): void {
    switch (message.type) {
      case 'errors':
        this.#events.onErrors(message.records);
        break;
      case 'lines':
        void this.#writeLines(message.piece);
        break;
      case 'clients':
        this.#events.onClients(this.lane, message.clients);
        break;
      case 'handshake_failures':
        this.#events.onHandshakeFailures(message.failures);
        break;
      case 'internal_errors':
        this.#events.onInternalErrors(this.lane, message.errors);
        break;
    }
  }

  async #writeLines(piece: LinePiece): Promise<void> {
    await this.#events.writeLines(bytesOf(this.#lineMemory, piece), piece.lines);
    this.say({ type: 'written', index: piece.index });
  }

  /**
   * Sends a message and waits for the answer.
   *
   * @param answerIn the answer that a message is; undefined: it is another one
   * @returns undefined if the thread dies first or does not answer in time
   */
  #ask<A extends FromWorker>(
    said: ToWorker,
    answerIn: (message: FromWorker) => A | undefined,
    withinMs?: number,
  ): Promise<A | undefined> {
    const worker = this.#worker;
    return new Promise((resolve) => {
      const end = (answer?: A) => {
        clearTimeout(timer);
        worker.off('message', hear).off('exit', leave);
        resolve(answer);
      };
      const hear = (message: FromWorker) => {
        const answer = answerIn(message);
        if (answer !== undefined) end(answer);
      };
      const leave = () => end();
      const timer = withinMs === undefined ? undefined : setTimeout(leave, withinMs);
      worker.on('message', hear).on('exit', leave);
      worker.postMessage(said);
    });
  }
}

export function causeOf(error: unknown): string {
  return error instanceof Error ? (error.stack ?? error.message) : String(error);
}

/** The compiled package has its threads in `.js`, a checkout in `.ts`. */
function ownExtension(): string {
  return extname(new URL(import.meta.url).pathname);
}
