/** Which kind of I/O the data threads of an instance use. */
import { IO_KINDS, type IoChoice, type IoKind, type IoSetting } from '../base/io-kind.ts';
import { kernelMissing } from './kernel/missing.ts';
import { uringMissing } from './kernel/uring/missing.ts';

/** Why a kind cannot be used here, a sentence; null: it can. */
export type Missing = Readonly<Record<IoKind, () => string | null>>;

/** The setting asks for what this machine does not have. */
export class IoError extends Error {
  readonly help: string;

  constructor(kind: IoKind, cause: string) {
    super(`io: ${kind} cannot be used here: ${cause}`);
    this.help = 'set load_balancing.io to auto, which takes the best there is';
  }
}

const MISSING_HERE: Missing = {
  io_uring: uringMissing,
  epoll: kernelMissing,
  node: () => null,
};

/**
 * The kind that is asked for; by `auto` the best that the machine has.
 *
 * @throws IoError where it cannot be used here
 */
export function chooseIo(setting: IoSetting, missing: Missing = MISSING_HERE): IoChoice {
  if (setting !== 'auto') {
    const cause = missing[setting]();
    if (cause !== null) throw new IoError(setting, cause);
    return { kind: setting, reason: '' };
  }
  let reason = '';
  for (const kind of IO_KINDS) {
    const cause = missing[kind]();
    if (cause === null) return { kind, reason };
    // What keeps io_uring away may keep epoll away too; it need not be said twice.
    if (!reason.includes(cause)) reason += `${reason === '' ? '' : '; '}${kind}: ${cause}`;
  }
  return { kind: 'node', reason };
}
