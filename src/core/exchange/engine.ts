import type { Failure } from '../answers/failures.ts';
import { Decisions } from '../decisions/decisions.ts';
import type { ClientInfo } from '../forward/client-info.ts';
import type { Fault } from '../http1/faults.ts';
import { HeadWriter } from '../http1/writer.ts';
import { Shedder } from '../limits/shedding.ts';
import { WorkerContext, type WorkerParts } from '../ports/worker-context.ts';
import { LongLived } from './ending.ts';
import { RequestIds } from './request-ids.ts';
import { WaitingBodies } from './screening.ts';

export interface EngineParts extends WorkerParts {
  /** Called with every request refused before it became an exchange. */
  readonly refused: (
    client: ClientInfo,
    code: Failure | Fault,
    status: number,
    nowMs: number,
  ) => void;
}

/** The worker's context, and what its exchanges and clients share beside it. */
export class Engine extends WorkerContext {
  readonly refused: EngineParts['refused'];
  readonly waitingBodies = new WaitingBodies();
  /** Whether this worker has more work than it can do. */
  readonly shedder = new Shedder();
  /** What was decided for the last requests. */
  readonly decisions = new Decisions();
  /** Tunnels and event streams of this worker. */
  readonly longLived: LongLived;
  readonly requestIds: RequestIds;
  /** Where heads are put together. */
  readonly writer = new HeadWriter();
  #dateSecond = 0;
  #dateLine = '';

  constructor(given: EngineParts) {
    super(given);
    this.refused = given.refused;
    this.longLived = new LongLived(this);
    this.requestIds = new RequestIds(this.random);
  }

  /** The Date line of this second. RFC 9110 §6.6.1. */
  dateLine(): string {
    const second = Math.floor(this.clock.wallMs() / 1000);
    if (second !== this.#dateSecond) {
      this.#dateSecond = second;
      this.#dateLine = `Date: ${new Date(second * 1000).toUTCString()}\r\n`;
    }
    return this.#dateLine;
  }
}
