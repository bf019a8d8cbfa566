/** The entry of a data thread. */
import { parentPort, workerData } from 'node:worker_threads';
import { Holdings } from '../io/holdings.ts';
import { backendOf } from '../io/open-backend.ts';
import type { WorkerPlan } from '../plan/worker-plan.ts';
import { SharedTable } from '../table/table.ts';
import type { ExplainAnswer, Question } from './explanation.ts';
import { InternalErrors } from './internal-errors.ts';
import type {
  FromWorker,
  HandshakeFailure,
  ListeningSocket,
  ToWorker,
  WorkerStart,
} from './messages.ts';
import { RecordSender } from './records.ts';
import { DataWorker } from './worker.ts';

/** Maximum time between flushes of records, so that `openclaw logs --follow` stays current. */
const RECORDS_EVERY_MS = 200;

const start = workerData as WorkerStart;
const port = parentPort!;
const say = (message: FromWorker) => port.postMessage(message);

/** Enough to see who fails and why; all of them are counted. */
const HANDSHAKE_FAILURES_MAX = 20;

const table = SharedTable.open(start.memory, start, { lane: start.lane, memory: start.measures });
const records = new RecordSender(start.lineMemory, say, table.measures, start.lane);
let handshakeFailures: HandshakeFailure[] = [];
const internalErrors = new InternalErrors();
const worker = new DataWorker({
  lane: start.lane,
  table,
  plan: start.plan,
  openBackend: await backendOf(start.io),
  holder: new Holdings(start.holdings),
  records,
  onClients: (clients) => say({ type: 'clients', clients }),
  onHandshakeFailure: (failure) => {
    if (handshakeFailures.length < HANDSHAKE_FAILURES_MAX) handshakeFailures.push(failure);
  },
  onInternalError: (error) => internalErrors.add(error),
});

const flush = () => {
  records.flush();
  const errors = internalErrors.take();
  if (errors.length > 0) say({ type: 'internal_errors', errors });
  if (handshakeFailures.length === 0) return;
  say({ type: 'handshake_failures', failures: handshakeFailures });
  handshakeFailures = [];
};
const flusher = setInterval(flush, RECORDS_EVERY_MS);

port.on('message', (message: ToWorker) => {
  switch (message.type) {
    case 'accept':
      // A reload is over with it: what was done before is told before, and into the log of then.
      flush();
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
    case 'servers':
      worker.followServers(message.pool, message.servers);
      break;
    case 'explain': {
      say({ type: 'explained', number: message.number, answer: explain(message.question) });
      break;
    }
    case 'sockets':
      say({ type: 'sockets', sockets: worker.sockets() });
      break;
    case 'end':
      worker.end(message.order);
      break;
    case 'cancel_endings':
      worker.cancelEndings(message.row);
      break;
    case 'drain':
      void drain(message.withinMs, message.isHandedOver);
      break;
    case 'written':
      records.giveBack(message.index);
      break;
  }
});

/** The question is a client's text: it may cause an error, but must not end the thread. */
function explain(question: Question): ExplainAnswer {
  try {
    return worker.explain(question);
  } catch (error) {
    internalErrors.add(error);
    return {
      explanation: null,
      wrong: 'an internal error in openclaw; the log has the stack trace',
    };
  }
}

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
