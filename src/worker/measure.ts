/** Brings the measures of the shared table up to date: what no decision depends on. */
import { getHeapStatistics } from 'node:v8';
import { codeIndex } from '../core/answers/codes.ts';
import type { Exchange } from '../core/exchange/exchange.ts';
import type { Screening } from '../core/exchange/screening.ts';
import type { Server } from '../core/servers/server.ts';
import { GAUGE, type Measures, TIMING, WORKER_COUNTER, WORKER_TIMING } from '../table/measures.ts';
import { CLEAN, RULE_CLASSES } from '../waf/catalogue.ts';

/** Counts a finished request; called for every one, so it only adds numbers. */
export function measureExchange(
  measures: Measures,
  lane: number,
  exchange: Exchange,
  server: Server | null,
  nowMs: number,
): void {
  const row = server === null ? measures.noRow : server.row;
  const durationMs = nowMs - exchange.startedMs;
  measures.countRequest(row, lane, exchange.method, exchange.status);
  const { screening } = exchange;
  if (screening !== null && screening.verdict !== CLEAN) measureVerdict(measures, lane, screening);
  if (exchange.observed !== '') measureObserved(measures, lane, exchange.observed);
  if (exchange.failure !== '') measures.countFailure(lane, codeIndex(exchange.failure));
  if (exchange.isStream || exchange.isTunnel) {
    measureStream(measures, lane, exchange, durationMs);
    return;
  }
  if (exchange.firstByteMs >= 0) measures.time(row, lane, TIMING.firstByte, exchange.firstByteMs);
  measures.time(row, lane, TIMING.total, durationMs);
}

function measureVerdict(measures: Measures, lane: number, { verdict, blocks }: Screening): void {
  measures.countVerdict(lane, blocks ? 0 : verdict.isHit ? 1 : 2);
  const classes = new Set(verdict.matches.map((match) => match.rule.class));
  for (const one of classes) measures.countVerdictClass(lane, RULE_CLASSES.indexOf(one));
}

/** An event stream or a tunnel is over; what was neither is not looked at. */
export function measureStream(
  measures: Measures,
  lane: number,
  exchange: Exchange,
  durationMs: number,
): void {
  if (!exchange.isStream && !exchange.isTunnel) return;
  measures.timeOfWorker(lane, WORKER_TIMING.streamDuration, durationMs);
  measures.add(lane, endingOf(exchange.failure), 1);
}

function endingOf(failure: string) {
  if (failure === '') return WORKER_COUNTER.streamsCompleted;
  if (failure === 'client_gone') return WORKER_COUNTER.streamsLeft;
  return WORKER_COUNTER.streamsTruncated;
}

/** Counts a request that was refused before it became an exchange. */
export function measureRefusal(
  measures: Measures,
  lane: number,
  code: string,
  status: number,
): void {
  // A connection that ended before any request is none.
  if (status !== 0) measures.countRequest(measures.noRow, lane, '', status);
  measures.countFailure(lane, codeIndex(code));
}

/** Counts what would have been refused if limits were enforced. */
export function measureObserved(measures: Measures, lane: number, code: string): void {
  measures.countObserved(lane, codeIndex(code));
}

/** What the thread itself uses; called about once a second. */
export function measureThread(measures: Measures, lane: number): void {
  // process.memoryUsage opens a file, and throws when no descriptor is left.
  const { used_heap_size: heapUsed, total_heap_size: heapTotal } = getHeapStatistics();
  const { user, system } = process.threadCpuUsage();
  measures.set(lane, GAUGE.heapUsedBytes, heapUsed);
  measures.set(lane, GAUGE.heapTotalBytes, heapTotal);
  measures.set(lane, WORKER_COUNTER.cpuSeconds, (user + system) / 1e6);
}
