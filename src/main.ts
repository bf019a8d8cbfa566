#!/usr/bin/env node
import { processIo } from './cli/io.ts';
import { program } from './cli/program.ts';
import { runCommand } from './cli/run.ts';

const io = processIo(process.argv[1]);
await runCommand(program(io), process.argv.slice(2), io);
process.exitCode = io.exitCode;
