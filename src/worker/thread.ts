/** The entry of a data thread. */
import { parentPort, workerData } from 'node:worker_threads';
import { SharedTable } from '../table/table.ts';
import type { HandshakeFailure } from './entrance.ts';
import type { FromWorker, ListeningSocket, ToWorker, WorkerStart } from './messages.ts';
import type { WorkerPlan } from './plan.ts';
import { RecordSender } from './records.ts';
import { DataWorker } from './worker.ts';

/** What was recorded goes over at least so often, that `openclaw logs --follow` is no riddle. */
const RECORDS_EVERY_MS = 200;

const start = workerData as WorkerStart;
const port = parentPort!;
const say = (message: FromWorker) => port.postMessage(message);

/** Enough to see who fails and why; all of them are counted. */
const HANDSHAKE_FAILURES_MAX = 20;

const table = SharedTable.open(start.memory, start);
const records = new RecordSender(start.lineMemory, say, table.measures, start.lane);
let handshakeFailures: HandshakeFailure[] = [];
const worker = new DataWorker({
  lane: start.lane,
  table,
  plan: start.plan,
  records,
  onClients: (clients) => say({ type: 'clients', clients }),
  onHandshakeFailure: (failure) => {
    if (handshakeFailures.length < HANDSHAKE_FAILURES_MAX) handshakeFailures.push(failure);
  },
});

const flush = () => {
  records.flush();
  if (handshakeFailures.length === 0) return;
  say({ type: 'handshake_failures', failures: handshakeFailures });
  handshakeFailures = [];
};
const flusher = setInterval(flush, RECORDS_EVERY_MS);

port.on('message', (message: ToWorker) => {
  switch (message.type) {
    case 'accept':
      void listen(message.sockets, { type: 'accepting', number: message.number });
      break;
    case 'prepare':
      prepare(message.plan);
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
    case 'written':
      records.giveBack(message.index);
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

function prepare(plan: WorkerPlan): void {
  try {
    worker.prepare(plan);
    say({ type: 'prepared' });
  } catch (error) {
    say({ type: 'unprepared', cause: (error as Error).message });
  }
}

async function listen(sockets: readonly ListeningSocket[], done: FromWorker): Promise<void> {
  try {
    await worker.listen(sockets);
    say(done);
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

await listen(start.sockets, { type: 'ready' });
