/** Everything that the control thread and a data thread say to each other. */
import type { Ends } from '../core/exchange/ending.ts';
import type { WorkerPlan } from './plan.ts';
import type { ExchangeRecord } from './record.ts';

/** How a data thread begins. */
export interface WorkerStart {
  readonly lane: number;
  readonly memory: SharedArrayBuffer;
  readonly serverRows: number;
  readonly workerLanes: number;
  readonly sources: number;
  readonly plan: WorkerPlan;
  /** Unix sockets cannot be shared by threads: one worker alone takes them. */
  readonly takesUnixSockets: boolean;
}

export type ToWorker =
  /** Open what the plan needs beside what is open, but follow the old plan; say `prepared`. */
  | { readonly type: 'prepare'; readonly plan: WorkerPlan }
  /** Follow the plan that was prepared. */
  | { readonly type: 'commit' }
  /** Forget the plan that was prepared. */
  | { readonly type: 'abandon' }
  /** End some of the tunnels and event streams that would go on by themselves. */
  | { readonly type: 'end'; readonly ends: Ends }
  /** Take back what was said of the ends at a server, as far as they have not begun. */
  | { readonly type: 'spare'; readonly row: number }
  /** Accept no more, let what is under way end, then say `drained`. */
  | { readonly type: 'drain'; readonly withinMs: number };

export type FromWorker =
  | { readonly type: 'ready' }
  | { readonly type: 'prepared' }
  /** An address could not be opened, at the start or in preparing a plan. */
  | { readonly type: 'failed'; readonly address: string; readonly code: string }
  | { readonly type: 'records'; readonly records: readonly ExchangeRecord[]; readonly lost: number }
  | { readonly type: 'drained' };
