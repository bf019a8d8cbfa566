/** Every workload, in the order of the report. To add one: its file, and its line here. */
import { answers1m, answers64k, close, small, upload } from './http.ts';
import { idle } from './idle.ts';
import { observe } from './observe.ts';
import { h2Small, tlsHandshakes, tlsHandshakesRsa, tlsSmall } from './tls.ts';
import { websocket } from './websocket.ts';
import type { Workload } from './workload.ts';

export const WORKLOADS: readonly Workload[] = [
  small,
  answers64k,
  answers1m,
  upload,
  close,
  websocket,
  idle,
  observe,
  tlsSmall,
  tlsHandshakes,
  tlsHandshakesRsa,
  h2Small,
];
