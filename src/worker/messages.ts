/** Everything that the control thread and a data thread say to each other. */
import type { WorkerPlan } from './plan.ts';
import type { ExchangeRecord } from './record.ts';

/** How a data thread begins. */
export interface WorkerStart {
  readonly lane: number;
  readonly memory: SharedArrayBuffer;
  readonly serverRows: number;
  readonly workerLanes: number;
  readonly plan: WorkerPlan;
  /** Unix sockets cannot be shared by threads: one worker alone takes them. */
  readonly takesUnixSockets: boolean;
}

export type ToWorker =
  | { readonly type: 'plan'; readonly plan: WorkerPlan }
  /** Accept no more, let what is under way end, then say `drained`. */
  | { readonly type: 'drain'; readonly withinMs: number };

export type FromWorker =
  | { readonly type: 'ready' }
  | { readonly type: 'failed'; readonly address: string; readonly code: string }
  | { readonly type: 'records'; readonly records: readonly ExchangeRecord[]; readonly lost: number }
  | { readonly type: 'drained' };
