/**
 * Run as a process of its own: `newcomers.program.ts PORT RATE SECONDS`. Makes so many new connections
 * a second, each for one small request, and prints what they saw as JSON.
 */
import { connect } from 'node:net';
import { Latencies } from './latencies.ts';
import { onAnswer } from './one-answer.ts';

export interface Seen {
  readonly answered: number;
  /** Not answered with success, or not within five seconds. */
  readonly lost: number;
  readonly p50Us: number;
  readonly p99Us: number;
  readonly slowestUs: number;
}

const [port, rate, seconds] = process.argv.slice(2).map(Number) as [number, number, number];
const ANSWER_MS_MAX = 5_000;
const TURN_MS = 5;
const REQUEST = `GET /small HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\nConnection: close\r\n\r\n`;

const latencies = new Latencies();
let lost = 0;
let asked = 0;
const startedAt = performance.now();

const turns = setInterval(() => {
  const wanted = Math.floor(((performance.now() - startedAt) / 1_000) * rate);
  for (; asked < Math.min(wanted, rate * seconds); asked++) visit();
  if (asked === rate * seconds) clearInterval(turns);
}, TURN_MS);

function visit(): void {
  const beganAt = performance.now();
  const socket = connect({ port, host: '127.0.0.1', noDelay: true });
  const timer = setTimeout(() => socket.destroy(), ANSWER_MS_MAX);
  onAnswer(socket, (isWell) => {
    clearTimeout(timer);
    if (isWell) latencies.add((performance.now() - beganAt) * 1_000);
    else lost++;
    if (latencies.count + lost === rate * seconds) tell();
  });
  socket.write(REQUEST);
}

function tell(): void {
  const seen: Seen = {
    answered: latencies.count,
    lost,
    p50Us: latencies.percentileUs(0.5),
    p99Us: latencies.percentileUs(0.99),
    slowestUs: latencies.slowestUs,
  };
  process.stdout.write(JSON.stringify(seen));
}
