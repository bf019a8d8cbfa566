/**
 * Run as a process of its own: `steady.program.ts PORT RATE`. Asks for a small answer so many times a
 * second on kept-alive connections, on time whether or not the last answer has come, and says what
 * it saw of each turn when it is asked by a message.
 */
import { connect, type Socket } from 'node:net';

export interface Seen {
  readonly requests: number;
  readonly failed: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly slowestMs: number;
}

const [port, rate] = process.argv.slice(2).map(Number) as [number, number];
const CONNECTIONS = 64;
const TURN_MS = 5;
/** Requests that wait for a free connection; beyond it they count as failed. */
const BEHIND_MAX = 5_000;
const REQUEST = `GET /small HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\n\r\n`;

let latencies: number[] = [];
let failed = 0;
/** When each request that has no connection yet was due. */
const due: number[] = [];
const free: Line[] = [];

class Line {
  #socket: Socket | null = null;
  #dueMs = 0;
  #answer = '';

  ask(dueMs: number): void {
    this.#dueMs = dueMs;
    this.#socket ??= this.#open();
    this.#socket.write(REQUEST);
  }

  #open(): Socket {
    const socket = connect({ port, host: '127.0.0.1', noDelay: true });
    socket.setEncoding('latin1');
    socket.on('data', (text: string) => {
      this.#answer += text;
      const headChars = this.#answer.indexOf('\r\n\r\n') + 4;
      if (headChars === 3) return;
      const length = Number(/\r\ncontent-length: *(\d+)/i.exec(this.#answer)?.[1]);
      if (this.#answer.length >= headChars + length)
        this.#over(this.#answer.startsWith('HTTP/1.1 200'));
    });
    socket.on('error', () => {});
    socket.on('close', () => {
      this.#socket = null;
      if (this.#dueMs !== 0) this.#over(false);
    });
    return socket;
  }

  #over(isWell: boolean): void {
    if (isWell) latencies.push(performance.now() - this.#dueMs);
    else failed += 1;
    this.#dueMs = 0;
    this.#answer = '';
    free.push(this);
    serve();
  }
}

function serve(): void {
  while (due.length > 0 && free.length > 0) free.pop()!.ask(due.shift()!);
}

for (let nth = 0; nth < CONNECTIONS; nth++) free.push(new Line());
const startMs = performance.now();
let asked = 0;
setInterval(() => {
  const nowMs = performance.now();
  const wanted = Math.floor(((nowMs - startMs) * rate) / 1000);
  for (; asked < wanted; asked++) {
    if (due.length >= BEHIND_MAX) failed += 1;
    else due.push(startMs + (asked * 1000) / rate);
  }
  serve();
}, TURN_MS);

process.on('message', () => {
  latencies.sort((a, b) => a - b);
  const at = (share: number) => latencies[Math.floor(latencies.length * share)] ?? 0;
  const seen: Seen = {
    requests: latencies.length + failed,
    failed,
    p50Ms: at(0.5),
    p99Ms: at(0.99),
    slowestMs: latencies.at(-1) ?? 0,
  };
  latencies = [];
  failed = 0;
  process.send!(seen);
});
process.once('disconnect', () => process.exit());
