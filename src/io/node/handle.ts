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
