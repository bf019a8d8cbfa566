import { basename } from 'node:path';
import { printableOutput } from '../base/printable.ts';

/** What a command touches of the world around it, so that tests can run it in their own process. */
export interface Io {
  /** Values: what somebody may read on with a program. */
  out: (text: string) => void;
  /** Problems and help, for people. */
  err: (text: string) => void;
  /** Text of a file as it stands, for a redirect into another; absent: like `out`. */
  outExact?: (text: string) => void;
  /** Puts a text in place of all that the terminal shows; absent: it is no terminal. */
  screen?: (text: string) => void;
  /** What the command was called by; `openclaw` where it is left out. */
  name?: string;
  /** Asks a question and gives back the answer; absent where nobody is there to answer. */
  ask?: (question: string) => Promise<string>;
  env: Readonly<Record<string, string | undefined>>;
  cwd: string;
  /** Whether `err` goes to a terminal that shows colours. */
  colour: boolean;
  /** The same of `out`, which may go on through a pipe; absent: it does not. */
  outColour?: boolean;
  now: () => Date;
  exitCode: number;
  /** It goes on when nobody reads its output any more. */
  isService?: boolean;
}

/**
 * Exit codes of every command.
 * - `done`: it worked; for `validate`: no errors (warnings may be there).
 * - `refused`: the configuration has errors, or what was asked for is not there.
 * - `usage`: the command line itself is wrong.
 * - `file`: a file could not be found, read or written.
 */
export const EXIT = { done: 0, refused: 1, usage: 2, file: 3 } as const;

export const EXIT_CODES_HELP = `
Exit codes:
  0  done; for validate: no errors, though perhaps warnings
  1  refused: the configuration has errors, or the requested item does not exist
  2  the command line is wrong
  3  a file could not be found, read or written`;

/** Lines of a help text that can be typed as they stand. */
export function examples(...lines: string[]): string {
  return `\nExamples:\n${lines.map((line) => `  $ ${line}`).join('\n')}`;
}

/** Ends a command with a message and a code. */
export class CommandError extends Error {
  readonly exitCode: number;
  readonly help: string | undefined;

  constructor(message: string, exitCode: number, help?: string) {
    super(message);
    this.exitCode = exitCode;
    this.help = help;
  }
}

export const COMMANDS = 'alerts check completion config init lb logs start upgrade waf'.split(' ');
const OWN_COMMAND = new RegExp(`\\bopenclaw(?= (?:${COMMANDS.join('|')})\\b)`, 'g');

/**
 * A text for people, its commands named as this one was called: where another program is
 * `openclaw`, a hint to type `openclaw config set` would send them there.
 */
export function asCalled({ name = 'openclaw' }: Pick<Io, 'name'>, text: string): string {
  return name === 'openclaw' ? text : text.replace(OWN_COMMAND, name);
}

/** @param called the path by which the program was started */
export function processIo(called = 'openclaw'): Io {
  const name = basename(called) === 'openclaw-lb' ? 'openclaw-lb' : 'openclaw';
  for (const stream of [process.stdout, process.stderr]) {
    stream.on('error', (error: NodeJS.ErrnoException) => {
      if (error.code !== 'EPIPE') throw error;
      // The reader has seen enough: openclaw logs --follow | head
      if (!io.isService) process.exit(io.exitCode);
    });
  }
  const io: Io = {
    name,
    out: (text) => void process.stdout.write(printableOutput(text, io.outColour === true)),
    err: (text) => void process.stderr.write(printableOutput(asCalled({ name }, text), io.colour)),
    env: process.env,
    cwd: process.cwd(),
    colour: process.stderr.isTTY === true && !process.env.NO_COLOR,
    outColour: process.stdout.isTTY === true && !process.env.NO_COLOR,
    now: () => new Date(),
    exitCode: 0,
  };
  if (process.stdout.isTTY) {
    io.screen = (text) =>
      void process.stdout.write(`\x1b[H\x1b[2J${printableOutput(text, io.outColour === true)}`);
  } else {
    io.outExact = (text) => void process.stdout.write(text);
  }
  if (process.stdin.isTTY && process.stdout.isTTY) {
    io.ask = async (question) => {
      const { createInterface } = await import('node:readline/promises');
      const lines = createInterface({ input: process.stdin, output: process.stdout });
      try {
        return await lines.question(question);
      } finally {
        lines.close();
      }
    };
  }
  return io;
}
