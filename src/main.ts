#!/usr/bin/env node
import { CommanderError } from 'commander';
import { Failure } from './cli/failure.ts';
import { program } from './cli/program.ts';

try {
  await program().parseAsync(process.argv);
} catch (error) {
  if (error instanceof Failure) process.stderr.write(`openclaw: ${error.message}\n`);
  else if (!(error instanceof CommanderError)) throw error;
  process.exitCode = error instanceof CommanderError ? error.exitCode : 1;
}
