/** All messages between the control thread and a data thread. */

import type { IoKind } from '../base/io-kind.ts';
import type { EndOrder } from '../core/exchange/ending.ts';
import type { ServerPlan } from '../core/servers/settings.ts';
import type { TlsFailure } from '../io/tls/failures.ts';
import type { ListenAddress } from '../plan/listen.ts';
import type { WorkerPlan } from '../plan/worker-plan.ts';
import type { ClientCount } from './busiest-clients.ts';
import type { ExplainAnswer, Question } from './explanation.ts';
import type { InternalError } from './internal-errors.ts';
import type { LinePiece } from './line-pieces.ts';
import type { ExchangeRecord } from './record.ts';

/** A socket to accept from. */
export interface ListeningSocket {
  readonly address: ListenAddress;
  /** Its number in this process; null: the data thread opens its own. */
  readonly fd: number | null;
}

/** A socket that listens. */
export interface OpenSocket extends ListeningSocket {
  readonly fd: number;
}

/** A TLS handshake with a client that failed. */
export interface HandshakeFailure {
  readonly peer: string;
  readonly reason: TlsFailure;
  /** OpenSSL's message. */
  readonly detail: string;
}

/** What a data thread starts with. */
export interface WorkerStart {
  readonly lane: number;
  readonly memory: SharedArrayBuffer;
  /** Of what this worker measures. */
  readonly measures: SharedArrayBuffer;
  readonly serverRows: number;
  readonly workerLanes: number;
  readonly sources: number;
  readonly plan: WorkerPlan;
  /** Where lines of the access log are put together. */
  readonly lineMemory: SharedArrayBuffer;
  readonly sockets: readonly ListeningSocket[];
  readonly io: IoKind;
  /** Of Holdings. */
  readonly holdings: SharedArrayBuffer;
}

export type ToWorker =
  /** Accept from these sockets only; answer `accepting` with the same number. */
  | {
      readonly type: 'accept';
      readonly number: number;
      readonly sockets: readonly ListeningSocket[];
    }
  /** Prepare the plan, but keep following the old one; answer `prepared` or `unprepared`. */
  | { readonly type: 'prepare'; readonly plan: WorkerPlan }
  /** Follow the plan that was prepared. */
  | { readonly type: 'commit' }
  /** Forget the plan that was prepared. */
  | { readonly type: 'abandon' }
  /** From the next request on, one pool has these servers; nothing else has changed. */
  | {
      readonly type: 'servers';
      /** The pool's name in the plan that is followed. */
      readonly pool: string;
      readonly servers: readonly ServerPlan[];
    }
  /** Explain a request; answer `explained` with the same number. */
  | { readonly type: 'explain'; readonly number: number; readonly question: Question }
  /** End some of the tunnels and event streams. */
  | { readonly type: 'end'; readonly order: EndOrder }
  /** Cancel a server's ends that have not begun. */
  | { readonly type: 'cancel_endings'; readonly row: number }
  /** Answer `sockets`: what it accepts from, by its own descriptor numbers. */
  | { readonly type: 'sockets' }
  /**
   * Accept no more, let requests in flight end, then say `drained`. `isHandedOver`: another process
   * accepts on the same sockets.
   */
  | { readonly type: 'drain'; readonly withinMs: number; readonly isHandedOver: boolean }
  /** A piece of the access log is written, and free to be filled again. */
  | { readonly type: 'written'; readonly index: number };

export type FromWorker =
  | { readonly type: 'ready' }
  | { readonly type: 'accepting'; readonly number: number }
  | { readonly type: 'prepared' }
  | { readonly type: 'unprepared'; readonly cause: string }
  | { readonly type: 'sockets'; readonly sockets: readonly OpenSocket[] }
  /** An address could not be opened; the thread is useless then. */
  | { readonly type: 'failed'; readonly address: string; readonly code: string }
  /** Lines of the access log. */
  | { readonly type: 'lines'; readonly piece: LinePiece }
  /** Some of the requests that went wrong. */
  | { readonly type: 'errors'; readonly records: readonly ExchangeRecord[] }
  /** The busiest clients of this thread since it started. */
  | { readonly type: 'clients'; readonly clients: readonly ClientCount[] }
  | { readonly type: 'handshake_failures'; readonly failures: readonly HandshakeFailure[] }
  /** Errors of our own that ended a connection or a stream. */
  | { readonly type: 'internal_errors'; readonly errors: readonly InternalError[] }
  | { readonly type: 'explained'; readonly number: number; readonly answer: ExplainAnswer }
  | { readonly type: 'drained' };
