import { setTimeout as sleep } from 'node:timers/promises';
import WebSocket from 'ws';

type Answer = Record<string, unknown>;

/**
 * The JavaScript heaps of a process, by its inspector. Resident memory alone does not tell growth
 * from garbage that nobody was in a hurry to collect.
 */
export class HeapProbe {
  readonly #socket: WebSocket;
  readonly #waiting = new Map<string, (answer: Answer) => void>();
  /** Sessions of the worker threads. */
  readonly #threads: string[] = [];
  #calls = 0;

  private constructor(socket: WebSocket) {
    this.#socket = socket;
    socket.on('message', (data) => this.#take('', JSON.parse(String(data))));
  }

  /** @param port that `--inspect` was given */
  static async connect(port: number): Promise<HeapProbe> {
    const response = await fetch(`http://127.0.0.1:${port}/json`);
    const [{ webSocketDebuggerUrl }] = (await response.json()) as [
      { webSocketDebuggerUrl: string },
    ];
    const socket = new WebSocket(webSocketDebuggerUrl);
    await new Promise((resolve, reject) => socket.once('open', resolve).once('error', reject));
    const probe = new HeapProbe(socket);
    await probe.#call('', 'NodeWorker.enable', { waitForDebuggerOnStart: false });
    while (probe.#threads.length === 0) await sleep(10);
    return probe;
  }

  /** What is in use once all garbage is collected: of the main thread, then of each worker. */
  async usedBytes(): Promise<number[]> {
    const used: number[] = [];
    for (const thread of ['', ...this.#threads]) {
      await this.#call(thread, 'HeapProfiler.collectGarbage');
      const { usedSize } = await this.#call(thread, 'Runtime.getHeapUsage');
      used.push(Number(usedSize));
    }
    return used;
  }

  async close(): Promise<void> {
    const closed = new Promise((resolve) => this.#socket.once('close', resolve));
    this.#socket.close();
    await closed;
  }

  /** @param thread empty: the main thread */
  #call(thread: string, method: string, params: Answer = {}): Promise<Answer> {
    this.#calls += 1;
    const id = this.#calls;
    const answered = new Promise<Answer>((resolve) =>
      this.#waiting.set(`${thread} ${id}`, resolve),
    );
    const message = { id, method, params };
    if (thread === '') this.#socket.send(JSON.stringify(message));
    else {
      void this.#call('', 'NodeWorker.sendMessageToWorker', {
        sessionId: thread,
        message: JSON.stringify(message),
      });
    }
    return answered;
  }

  #take(
    thread: string,
    message: { id?: number; method?: string; result?: Answer; params?: Answer },
  ) {
    const { id, method, result = {}, params } = message;
    if (id !== undefined) {
      this.#waiting.get(`${thread} ${id}`)?.(result);
      this.#waiting.delete(`${thread} ${id}`);
    } else if (method === 'NodeWorker.attachedToWorker') {
      this.#threads.push(String(params!.sessionId));
    } else if (method === 'NodeWorker.receivedMessageFromWorker') {
      this.#take(String(params!.sessionId), JSON.parse(String(params!.message)));
    }
  }
}
