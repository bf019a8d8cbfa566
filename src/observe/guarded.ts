/**
 * What the control thread does on its own time must not end the process: traffic goes on without
 * it. A step that throws is logged and called again at its next time; and what is thrown where
 * nobody catches it is logged too. The data threads are apart: one that throws is replaced.
 */
import type { Logger } from '../observe/log.ts';

type ErrorLog = Pick<Logger, 'error'>;

/** The same fault is written this often at the most. */
const TOLD_AGAIN_MS = 60_000;
/** Different faults that are told apart. */
const FAULTS_MAX = 100;

/** Tells of faults, each once a minute at the most. */
class Teller {
  readonly #log: ErrorLog;
  readonly #nowMs: () => number;
  readonly #toldMs = new Map<string, number>();

  constructor(log: ErrorLog, nowMs: () => number) {
    this.#log = log;
    this.#nowMs = nowMs;
  }

  tell(during: string, fault: unknown): void {
    const cause = fault instanceof Error ? (fault.stack ?? fault.message) : String(fault);
    const nowMs = this.#nowMs();
    const key = `${during} ${fault instanceof Error ? fault.message : cause}`;
    const toldMs = this.#toldMs.get(key);
    if (toldMs !== undefined && nowMs - toldMs < TOLD_AGAIN_MS) return;
    if (this.#toldMs.size >= FAULTS_MAX) this.#toldMs.clear();
    this.#toldMs.set(key, nowMs);
    this.#log.error({ event: 'internal_error', during, cause, text: 'traffic goes on' });
  }
}

/** @returns the step, which throws no more: for timers */
export function guarded(
  log: ErrorLog,
  during: string,
  step: () => void,
  nowMs: () => number = () => performance.now(),
): () => void {
  const teller = new Teller(log, nowMs);
  return () => {
    try {
      step();
    } catch (error) {
      teller.tell(during, error);
    }
  };
}

/** The part of `process` that hears of what nobody caught. */
export interface FaultSource {
  on(event: 'uncaughtException' | 'unhandledRejection', hear: (fault: unknown) => void): unknown;
  off(event: 'uncaughtException' | 'unhandledRejection', hear: (fault: unknown) => void): unknown;
}

/** Keeps the process alive, from when it serves on. @returns ends it */
export function keepServing(
  log: ErrorLog,
  source: FaultSource = process,
  nowMs: () => number = () => performance.now(),
): () => void {
  const teller = new Teller(log, nowMs);
  const onException = (fault: unknown) => teller.tell('an event', fault);
  const onRejection = (fault: unknown) => teller.tell('a promise', fault);
  source.on('uncaughtException', onException);
  source.on('unhandledRejection', onRejection);
  return () => {
    source.off('uncaughtException', onException);
    source.off('unhandledRejection', onRejection);
  };
}
