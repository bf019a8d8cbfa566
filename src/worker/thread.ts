/** The entry of a data thread. */
import { parentPort, workerData } from 'node:worker_threads';
import { SharedTable } from '../table/table.ts';
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

const worker = new DataWorker({
  lane: start.lane,
  table: SharedTable.open(start.memory, start),
  plan: start.plan,
  takesUnixSockets: start.takesUnixSockets,
  onRecord: (record) => {
    if (records.length < RECORDS_MAX) records.push(record);
    else lost += 1;
  },
});

const flush = () => {
  if (records.length === 0 && lost === 0) return;
  say({ type: 'records', records, lost });
  records = [];
  lost = 0;
};
const flusher = setInterval(flush, RECORDS_EVERY_MS);

port.on('message', (message: ToWorker) => {
  if (message.type === 'plan') worker.apply(message.plan);
  else void drain(message.withinMs);
});

async function drain(withinMs: number): Promise<void> {
  await worker.drain(withinMs);
  clearInterval(flusher);
  flush();
  say({ type: 'drained' });
  port.close();
}

try {
  await worker.listen();
  say({ type: 'ready' });
} catch (error) {
  const { code, address } = error as { code?: string; address?: string };
  say({ type: 'failed', address: address ?? '', code: code ?? String(error) });
}
