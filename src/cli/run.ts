import { type Command, CommanderError } from 'commander';
import { straightenArguments } from '../config/typography.ts';
import { asCalled, CommandError, EXIT, type Io } from './io.ts';

export { straightenArguments };

/**
 * Runs a command line, long dashes of web pages included, and leaves its exit code in `io`.
 * @param argv without the names of the interpreter and the program
 */
export async function runCommand(command: Command, argv: readonly string[], io: Io): Promise<void> {
  prepare(command, io);
  try {
    await command.parseAsync(straightenArguments(argv), { from: 'user' });
  } catch (error) {
    io.exitCode = report(error, io);
  }
}

function report(error: unknown, io: Io): number {
  if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT.done : EXIT.usage;
  if (error instanceof CommandError) {
    if (error.message !== '') io.err(`error: ${error.message}\n`);
    if (error.help !== undefined) io.err(`  help: ${error.help}\n`);
    return error.exitCode;
  }
  const { code, message } = error as NodeJS.ErrnoException;
  io.err(`error: ${message}\n`);
  return code === undefined ? EXIT.refused : EXIT.file;
}

function prepare(command: Command, io: Io): void {
  command.exitOverride().showHelpAfterError('(--help shows how)');
  command.configureOutput({ writeOut: (text) => io.out(asCalled(io, text)), writeErr: io.err });
  for (const inner of command.commands) prepare(inner, io);
}
