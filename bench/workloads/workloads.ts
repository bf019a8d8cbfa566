/** Every workload, in the order of the report. To add one: its file, and its line here. */
import { answers1m, answers64k, close, small, upload } from './http.ts';
import { idle } from './idle.ts';
import { observe } from './observe.ts';
import { slowReaders } from './slow-readers.ts';
import { h2Small, tlsHandshakes, tlsHandshakesRsa, tlsResumed, tlsSmall } from './tls.ts';
import { websocket } from './websocket.ts';
import { workers } from './workers.ts';
import type { Workload } from './workload.ts';

export const WORKLOADS: readonly Workload[] = [
  small,
  answers64k,
  answers1m,
  upload,
  close,
  websocket,
  idle,
  slowReaders,
  workers,
  observe,
  tlsSmall,
  tlsResumed,
  tlsHandshakes,
  tlsHandshakesRsa,
  h2Small,
];
