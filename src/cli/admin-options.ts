import { type Command, InvalidArgumentError } from 'commander';
import { parseDuration } from '../base/units.ts';

/** Where the commands that talk to a running instance find it. */
export interface AdminOptions {
  /** The instance's configuration; without it, the one that is found, or the defaults. */
  config?: string;
  /** `host:port` or the path of a unix socket, whatever the configuration says. */
  admin?: string;
  /** The answer is printed as it is; else every text in it is made printable. */
  json?: boolean;
}

/** Gives a command the options by which it finds the running instance. */
export function reached(command: Command): Command {
  return command
    .option('-c, --config <file>', 'the configuration of the instance')
    .option('--admin <address>', 'its admin address: host:port or a unix socket');
}

/** Reads an argument like 5m. @returns milliseconds */
export function duration(text: string): number {
  const parsed = parseDuration(text);
  if (!parsed.ok) throw new InvalidArgumentError(parsed.reason);
  return parsed.value;
}
