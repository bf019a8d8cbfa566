import { authorityOf, type Peer, plainAddress } from '../../core/ports/arrival.ts';

/** The parts of Node's TCP and pipe handles that are used here; they are not documented. */
export interface Handle {
  setNoDelay?(on: boolean): void;
  getpeername?(into: Name): number;
  getsockname?(into: Name): number;
  readonly writeQueueSize?: number;
  close(done?: () => void): void;
  /** TCP only: closes with a reset. */
  reset?(done?: () => void): void;
}
interface Name {
  address?: string;
  port?: number;
}

export function peerOfHandle(handle: Handle): Peer {
  const name: Name = {};
  handle.getpeername?.(name);
  return {
    address: plainAddress(name.address),
    port: name.port ?? 0,
    localAuthority: () => {
      const local: Name = {};
      handle.getsockname?.(local);
      return authorityOf(local.address, local.port);
    },
  };
}

/** Hears once when a handle is closed: every way of closing a socket ends there. */
export function onHandleClosed(handle: Handle, closed: () => void): void {
  let isOpen = true;
  const leave = () => {
    if (!isOpen) return;
    isOpen = false;
    closed();
  };
  const { close, reset } = handle;
  handle.close = function (done) {
    leave();
    return close.call(this, done);
  };
  if (reset === undefined) return;
  handle.reset = function (done) {
    leave();
    return reset.call(this, done);
  };
}
