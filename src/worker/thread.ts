/** The entry of a data thread. */
import { parentPort, workerData } from 'node:worker_threads';
import { SharedTable } from '../table/table.ts';
import type { HandshakeFailure } from './entrance.ts';
import type { FromWorker, ToWorker, WorkerStart } from './messages.ts';
import type { ExchangeRecord } from './record.ts';
import { DataWorker } from './worker.ts';

/** Records go over in batches; what the control thread cannot take in time is counted and lost. */
const RECORDS_EVERY_MS = 200;
const RECORDS_MAX = 2000;

const start = workerData as WorkerStart;
const port = parentPort!;
const say = (message: FromWorker) => port.postMessage(message);

let records: ExchangeRecord[] = [];
let lost = 0;
/** Enough to see who fails and why; all of them are counted. */
const HANDSHAKE_FAILURES_MAX = 20;
let handshakeFailures: HandshakeFailure[] = [];

const worker = new DataWorker({
  lane: start.lane,
  table: SharedTable.open(start.memory, start),
  plan: start.plan,
  takesUnixSockets: start.takesUnixSockets,
  inherited: start.inherited,
  onRecord: (record) => {
    if (records.length < RECORDS_MAX) records.push(record);
    else lost += 1;
  },
  onHandshakeFailure: (failure) => {
    if (handshakeFailures.length < HANDSHAKE_FAILURES_MAX) handshakeFailures.push(failure);
  },
});

const flush = () => {
  if (handshakeFailures.length > 0) {
    say({ type: 'handshake_failures', failures: handshakeFailures });
    handshakeFailures = [];
  }
  if (records.length === 0 && lost === 0) return;
  say({ type: 'records', records, lost });
  records = [];
  lost = 0;
};
const flusher = setInterval(flush, RECORDS_EVERY_MS);

port.on('message', (message: ToWorker) => {
  switch (message.type) {
    case 'prepare':
      void listenAndSay(() => worker.prepare(message.plan), 'prepared');
      break;
    case 'commit':
      worker.commit();
      break;
    case 'abandon':
      worker.abandon();
      break;
    case 'explain': {
      const answer = worker.explain(message.question);
      say({ type: 'explained', number: message.number, answer });
      break;
    }
    case 'sockets':
      say({ type: 'sockets', sockets: worker.sockets() });
      break;
    case 'end':
      worker.end(message.ends);
      break;
    case 'spare':
      worker.spare(message.row);
      break;
    case 'drain':
      void drain(message.withinMs, message.isHandedOver);
      break;
  }
});

async function drain(withinMs: number, isHandedOver: boolean): Promise<void> {
  await worker.drain(withinMs, isHandedOver);
  clearInterval(flusher);
  flush();
  say({ type: 'drained' });
  port.close();
}

async function listenAndSay(listen: () => Promise<void>, done: 'ready' | 'prepared') {
  try {
    await listen();
    say({ type: done });
  } catch (error) {
    const { code, address, port: number } = error as NodeJS.ErrnoException & ListenFailure;
    const where = number === undefined ? (address ?? '') : `${address}:${number}`;
    say({ type: 'failed', address: where, code: code ?? String(error) });
  }
}

interface ListenFailure {
  address?: string;
  port?: number;
}

await listenAndSay(() => worker.listen(), 'ready');
