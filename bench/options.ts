/** The command line of the bench. */
import { resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { before, IO_BACKENDS, type IoBackend } from './peers/openclaw.ts';
import type { Peer } from './peers/peer.ts';
import { PEERS } from './peers/peers.ts';
import type { Workload } from './workloads/workload.ts';
import { WORKLOADS } from './workloads/workloads.ts';

export interface Options {
  readonly workloads: readonly Workload[];
  /** openclaw is not among them: it always runs. */
  readonly peers: readonly Peer[];
  /** The I/O backends to run openclaw on; none: the one that it chooses. */
  readonly ios: readonly IoBackend[];
  readonly rounds: number;
  /** How long one turn of one proxy lasts; the idle workload has no such length. */
  readonly seconds: number;
  /** A file for every turn's figures. */
  readonly json: string | undefined;
  readonly help: boolean;
}

export const USAGE = `npm run bench [-- OPTIONS]

  --workloads LIST  of ${names(WORKLOADS)} (all)
  --peers LIST      of ${names(PEERS)} (all that are installed), or none
  --io LIST         openclaw on each of ${IO_BACKENDS.join()} (the one that it chooses)
  --before FOLDER   another checkout of openclaw, to see what a change costs
  --rounds N        turns of each proxy in each workload, 1 to 100 (5)
  --seconds S       length of a turn, 1 to 60 (2)
  --json FILE       write every turn's figures there
  --help            this text
`;

const IO_NAMES = IO_BACKENDS.map((name) => ({ name }));

/** Throws an Error that names the mend on anything it does not understand. */
export function parseOptions(args: readonly string[]): Options {
  const { values } = parseArgs({
    args: [...args],
    options: {
      workloads: { type: 'string' },
      peers: { type: 'string' },
      io: { type: 'string' },
      before: { type: 'string' },
      rounds: { type: 'string', default: '5' },
      seconds: { type: 'string', default: '2' },
      json: { type: 'string' },
      help: { type: 'boolean', default: false },
    },
  });
  return {
    workloads: pick('--workloads', WORKLOADS, values.workloads),
    peers: [
      ...(values.before === undefined ? [] : [before(resolve(values.before))]),
      ...(values.peers === 'none' ? [] : pick('--peers', PEERS, values.peers)),
    ],
    ios: values.io === undefined ? [] : pick('--io', IO_NAMES, values.io).map(({ name }) => name),
    rounds: wholeNumber('--rounds', values.rounds, 100),
    seconds: wholeNumber('--seconds', values.seconds, 60),
    json: values.json,
    help: values.help,
  };
}

function pick<T extends { readonly name: string }>(
  option: string,
  all: readonly T[],
  list: string | undefined,
): readonly T[] {
  if (list === undefined) return all;
  return list.split(',').map((name) => {
    const found = all.find((each) => each.name === name.trim());
    if (found === undefined) {
      throw new Error(`${option}: there is no "${name.trim()}"; choose from ${names(all)}`);
    }
    return found;
  });
}

function wholeNumber(option: string, text: string, max: number): number {
  const value = Number(text);
  if (Number.isInteger(value) && value >= 1 && value <= max) return value;
  throw new Error(`${option} takes a whole number from 1 to ${max}, not "${text}"`);
}

function names(all: readonly { readonly name: string }[]): string {
  return all.map((each) => each.name).join(',');
}
