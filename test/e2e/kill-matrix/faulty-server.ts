import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { freePort } from '../harness.ts';

/** What a server can be told to do by a message. */
export type Behaviour = 'well' | 'closed' | 'reset' | 'truncated' | 'status 500' | 'slow';

/** Everything that can befall a server. `reset` and `truncated` break off an answer half way. */
export const FAULTS = [
  'kill',
  'closed',
  'silent',
  'reset',
  'truncated',
  'status 500',
  'slow',
] as const;
export type Fault = (typeof FAULTS)[number];

const PROGRAM = join(import.meta.dirname, 'server.program.ts');

/** A server in a process of its own, which can be made to fail and to work again. */
export class FaultyServer {
  readonly port: number;
  #child: ChildProcess | null = null;

  private constructor(port: number) {
    this.port = port;
  }

  static async start(): Promise<FaultyServer> {
    const server = new FaultyServer(await freePort());
    await server.#run();
    return server;
  }

  get address(): string {
    return `127.0.0.1:${this.port}`;
  }

  async fail(fault: Fault): Promise<void> {
    if (fault === 'kill') await this.stop();
    else if (fault === 'silent') this.#child!.kill('SIGSTOP');
    else await this.#tell(fault);
  }

  async heal(fault: Fault): Promise<void> {
    if (fault === 'kill') await this.#run();
    else if (fault === 'silent') this.#child!.kill('SIGCONT');
    else await this.#tell('well');
  }

  /** Ends the process as `kill -9` does. */
  async stop(): Promise<void> {
    const child = this.#child;
    if (child === null) return;
    this.#child = null;
    child.kill('SIGKILL');
    await once(child, 'exit');
  }

  async #run(): Promise<void> {
    const child = fork(PROGRAM, [String(this.port)]);
    this.#child = child;
    await once(child, 'message');
  }

  async #tell(behaviour: Behaviour): Promise<void> {
    const done = once(this.#child!, 'message');
    this.#child!.send(behaviour);
    await done;
  }
}
