import { type ChildProcess, spawn } from 'node:child_process';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Patience } from '../patience.ts';
import type { Said } from './reporter.ts';

export interface Options {
  /** Processes beside each other. */
  readonly lanes: number;
  /** A process that finishes no test for so long is ended; a crowded machine has longer. */
  readonly silenceMs: number;
  readonly print: (text: string) => void;
}

const REPORTER = join(import.meta.dirname, 'reporter.ts');
/** Compiled code is kept: the same files are loaded by every process, and by those that tests start. */
const COMPILE_CACHE = join(tmpdir(), `openclaw-test-compile-cache-${process.getuid?.() ?? ''}`);
/** For hooks, and for ending, while no test runs. */
const BETWEEN_MS_MAX = 30_000;
const LOOK_EVERY_MS = 500;
/** Of what a process printed that failed. */
const OUTPUT_CHARS_MAX = 20_000;

/**
 * Runs each batch of test files in a process of its own, and prints what comes of it.
 *
 * @returns whether all passed
 */
export async function runAll(
  batches: readonly (readonly string[])[],
  options: Options,
): Promise<boolean> {
  const waiting = [...batches];
  const runs: BatchRun[] = [];
  const endAll = () => {
    for (const run of runs) run.kill();
  };
  const interrupt = () => {
    endAll();
    process.exit(1);
  };
  process.on('SIGINT', interrupt).on('SIGTERM', interrupt);

  const lane = async () => {
    for (let files = waiting.shift(); files !== undefined; files = waiting.shift()) {
      const run = new BatchRun(files, options.silenceMs);
      runs.push(run);
      await run.end;
      options.print(run.report());
    }
  };
  await Promise.all(Array.from({ length: options.lanes }, lane));
  process.off('SIGINT', interrupt).off('SIGTERM', interrupt);

  const count = (counted: (run: BatchRun) => number) =>
    runs.reduce((total, run) => total + counted(run), 0);
  const failures = runs.flatMap((run) => run.failures);
  for (const failure of failures) options.print(`\n✖ ${failure}\n`);
  const passed = count((run) => run.passed);
  const skipped = count((run) => run.skipped);
  options.print(`\n${passed} passed, ${failures.length} failed, ${skipped} skipped\n`);
  options.print(`CPU ${seconds(count((run) => run.cpuMs))}\n`);
  return failures.length === 0 && passed > 0;
}

function seconds(ms: number): string {
  return `${(ms / 1000).toFixed(1)} s`;
}

/** One process and its tests. */
class BatchRun {
  readonly failures: string[] = [];
  passed = 0;
  skipped = 0;
  cpuMs = 0;
  /** Resolves once the process and all that it started have ended. */
  readonly end: Promise<void>;
  readonly #name: string;
  readonly #child: ChildProcess;
  readonly #silenceMs: number;
  readonly #beganMs = performance.now();
  #patience: Patience;
  /** Begun and not finished, in that order: the last one hangs, if one does. */
  readonly #open = new Set<string>();
  #lastEnded = 'its start';
  #isDone = false;
  #isEnded = false;
  #output = '';
  #tookMs = 0;

  constructor(files: readonly string[], silenceMs: number) {
    this.#name = files.length === 1 ? files[0]! : `${files.length} files of unit tests`;
    this.#silenceMs = silenceMs;
    this.#patience = new Patience(silenceMs);
    const args = ['--test', '--test-isolation=none', `--test-reporter=${REPORTER}`, ...files];
    this.#child = spawn(process.execPath, args, {
      // A group of its own, so that what it started ends with it.
      detached: true,
      stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
      env: {
        ...process.env,
        NODE_COMPILE_CACHE: COMPILE_CACHE,
        // Where this runner is itself under test, its children are not to report to the outer one.
        NODE_TEST_CONTEXT: undefined,
      },
    });
    for (const stream of [this.#child.stdout!, this.#child.stderr!]) {
      stream.setEncoding('utf8').on('data', (text: string) => {
        this.#output = (this.#output + text).slice(-OUTPUT_CHARS_MAX);
      });
    }
    this.#child.on('message', (said: Said) => this.#hear(said));
    this.end = this.#untilEnded();
  }

  kill(): void {
    try {
      process.kill(-this.#child.pid!, 'SIGKILL');
    } catch {
      // Nothing of the group is left.
    }
  }

  /** A line, with the output below it where something failed. */
  report(): string {
    const mark = this.failures.length === 0 ? '✔' : '✖';
    const times = `${seconds(this.#tookMs)}, CPU ${seconds(this.cpuMs)}`;
    const line = `${mark} ${this.#name} (${this.passed} passed, ${times})\n`;
    return this.failures.length === 0 ? line : line + this.#output;
  }

  async #untilEnded(): Promise<void> {
    const watch = setInterval(() => this.#look(), LOOK_EVERY_MS);
    const code = await new Promise<number | null>((resolve) => {
      this.#child.once('exit', resolve).once('error', () => resolve(null));
    });
    clearInterval(watch);
    this.kill();
    this.#tookMs = performance.now() - this.#beganMs;
    if (this.#isEnded || this.failures.length > 0) return;
    if (!this.#isDone) this.#fail(`it ended (${code}) before its tests did`);
    else if (code !== 0) this.#fail(`its tests passed, but it ended with ${code}`);
  }

  #hear(said: Said): void {
    if (said.type === 'done') {
      this.#isDone = true;
      this.cpuMs = said.cpuMs;
    } else if (said.type === 'began') this.#open.add(said.test);
    else {
      this.#open.delete(said.test);
      this.#lastEnded = said.test;
      if (said.type === 'passed') this.passed += 1;
      else if (said.type === 'skipped') this.skipped += 1;
      else this.failures.push(`${said.test}\n${said.error}`);
    }
    const isBetween = this.#open.size === 0;
    this.#patience = new Patience(
      isBetween ? Math.min(this.#silenceMs, BETWEEN_MS_MAX) : this.#silenceMs,
    );
  }

  #look(): void {
    if (!this.#patience.isOver || this.#isEnded) return;
    this.#isEnded = true;
    // A test that never yields hangs before it is heard to have begun.
    const open = [...this.#open].at(-1);
    const where = open === undefined ? `after ${this.#lastEnded}` : `in ${open}`;
    this.#fail(`it hung ${where}: ended, with all that it left running`);
    this.kill();
  }

  #fail(why: string): void {
    this.failures.push(`${this.#name}: ${why}`);
  }
}
