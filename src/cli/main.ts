import { processIo } from './io.ts';
import { program } from './program.ts';
import { runCommand } from './run.ts';

const io = processIo(process.argv[1]);
await runCommand(program(io), process.argv.slice(2), io);
process.exitCode = io.exitCode;
