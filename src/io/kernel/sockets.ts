/** Sockets by their descriptors: opening, options, and the names of their ends. */
import { authorityOf, type Peer, plainAddress } from '../../core/ports/arrival.ts';
import { Arena } from './arena.ts';
import {
  AF_INET6,
  AF_UNIX,
  calls,
  EINPROGRESS,
  EINVAL,
  errno,
  IPPROTO_IPV6,
  IPPROTO_TCP,
  IPV6_V6ONLY,
  SO_ERROR,
  SO_LINGER,
  SO_REUSEADDR,
  SO_REUSEPORT,
  SOCK_STREAM_NONBLOCK_CLOEXEC,
  SOL_SOCKET,
  TCP_NODELAY,
  TCP_NOTSENT_LOWAT,
} from './calls.ts';
import { systemError } from './errors.ts';
import {
  familyOf,
  readHost,
  readPort,
  SOCKET_ADDRESS_BYTES_MAX,
  writeIpAddress,
  writeUnixAddress,
} from './socket-address.ts';

/**
 * What a connection may hold in the kernel without having sent it: a reader that takes nothing fills
 * the window that it announced and this much, not the megabytes up to which buffers grow by themselves.
 */
const NOT_SENT_BYTES_MAX = 128 * 1024;

/** Where the kernel reads options and addresses, and writes them. */
const scratch = Arena.map(4096);
const OPTION_AT = scratch.reserve(8);
const LENGTH_AT = scratch.reserve(4);
const NAME_AT = scratch.reserve(SOCKET_ADDRESS_BYTES_MAX);
const OPTION = scratch.address(OPTION_AT, 8);
const LENGTH = scratch.address(LENGTH_AT, 4);
const NAME = scratch.address(NAME_AT, SOCKET_ADDRESS_BYTES_MAX);

/** Where a socket is to be connected or bound: an IP address and port, or a path. */
export interface SocketPlace {
  readonly host: string;
  readonly port: number;
  /** Of a unix socket; empty otherwise. */
  readonly path: string;
}

/**
 * Opens a socket that begins to connect.
 *
 * @param place its host is an IP address
 * @returns its descriptor, connected or on the way, non-blocking
 * @throws the system's error
 */
export function connecting(place: SocketPlace): number {
  const { host, port, path } = place;
  const fd = opened(path === '' ? familyOf(host) : AF_UNIX, 'connect', place);
  if (path === '') setOption(fd, IPPROTO_TCP, TCP_NODELAY, 1);
  if (path === '') setOption(fd, IPPROTO_TCP, TCP_NOTSENT_LOWAT, NOT_SENT_BYTES_MAX);
  if (calls.connect(fd, NAME, writeName(fd, 'connect', place)) === 0) return fd;
  const code = errno();
  if (code === EINPROGRESS) return fd;
  calls.close(fd);
  throw systemError('connect', code, path === '' ? { address: host, port } : { address: path });
}

/**
 * Opens a socket that listens; several may on one port (`SO_REUSEPORT`), and the kernel spreads
 * connections over them.
 *
 * @param place its host is an IP address; empty: every address
 * @throws the system's error
 */
export function listening({ host, port, path }: SocketPlace, backlog: number): number {
  const place = { host: host === '' ? '::' : host, port, path };
  const fd = opened(path === '' ? familyOf(place.host) : AF_UNIX, 'listen', place);
  if (path === '') {
    setOption(fd, SOL_SOCKET, SO_REUSEADDR, 1);
    setOption(fd, SOL_SOCKET, SO_REUSEPORT, 1);
    if (familyOf(place.host) === AF_INET6) setOption(fd, IPPROTO_IPV6, IPV6_V6ONLY, 0);
  }
  const lengthBytes = writeName(fd, 'listen', place);
  if (calls.bind(fd, NAME, lengthBytes) === 0 && calls.listen(fd, backlog) === 0) return fd;
  const code = errno();
  calls.close(fd);
  throw systemError('listen', code, path === '' ? { address: host, port } : { address: path });
}

/** What connections accepted from it inherit. Quietly nothing for a unix socket. */
export function tellListening(fd: number): void {
  setOption(fd, IPPROTO_TCP, TCP_NODELAY, 1);
  setOption(fd, IPPROTO_TCP, TCP_NOTSENT_LOWAT, NOT_SENT_BYTES_MAX);
}

/** The error that a socket met meanwhile, an errno; 0: none. It is told once. */
export function takeError(fd: number): number {
  scratch.int32[LENGTH_AT >> 2] = 4;
  if (calls.getsockopt(fd, SOL_SOCKET, SO_ERROR, OPTION, LENGTH) !== 0) return errno();
  return scratch.int32[OPTION_AT >> 2]!;
}

/** Closing the socket will tell the peer that the end was not clean: TCP's reset. */
export function resetOnClose(fd: number): void {
  scratch.int32[OPTION_AT >> 2] = 1;
  scratch.int32[(OPTION_AT >> 2) + 1] = 0;
  calls.setsockopt(fd, SOL_SOCKET, SO_LINGER, OPTION, 8);
}

/** The other end of an accepted connection. */
export class SocketPeer implements Peer {
  readonly address: string;
  readonly port: number;
  readonly #fd: number;

  constructor(fd: number) {
    this.#fd = fd;
    const isKnown = readName(calls.getpeername(fd, beginName(), LENGTH));
    this.address = isKnown ? plainAddress(readHost(scratch.bytes, NAME_AT)) : 'unix';
    this.port = isKnown ? readPort(scratch.bytes, NAME_AT) : 0;
  }

  /** To be asked while it is open. */
  localAuthority(): string {
    if (!readName(calls.getsockname(this.#fd, beginName(), LENGTH)))
      return authorityOf(undefined, 0);
    const host = readHost(scratch.bytes, NAME_AT);
    return authorityOf(host, host === undefined ? undefined : readPort(scratch.bytes, NAME_AT));
  }
}

/** The port that a socket is bound to; 0 for a unix socket. */
export function portOf(fd: number): number {
  return readName(calls.getsockname(fd, beginName(), LENGTH))
    ? readPort(scratch.bytes, NAME_AT)
    : 0;
}

function opened(family: number, syscall: string, { host, port, path }: SocketPlace): number {
  const fd = calls.socket(family, SOCK_STREAM_NONBLOCK_CLOEXEC, 0);
  if (fd >= 0) return fd;
  throw systemError(syscall, errno(), path === '' ? { address: host, port } : { address: path });
}

/** Writes the name that is connected or bound to; closes the socket where there is no such name. */
function writeName(fd: number, syscall: string, { host, port, path }: SocketPlace): number {
  const lengthBytes =
    path === ''
      ? writeIpAddress(scratch.bytes, NAME_AT, host, port)
      : writeUnixAddress(scratch.bytes, NAME_AT, path);
  if (lengthBytes > 0) return lengthBytes;
  calls.close(fd);
  throw systemError(syscall, EINVAL, { address: path === '' ? host : path });
}

function setOption(fd: number, level: number, name: number, value: number): void {
  scratch.int32[OPTION_AT >> 2] = value;
  calls.setsockopt(fd, level, name, OPTION, 4);
}

function beginName(): bigint {
  scratch.int32[LENGTH_AT >> 2] = SOCKET_ADDRESS_BYTES_MAX;
  return NAME;
}

/** @param result of the call that wrote the name */
function readName(result: number): boolean {
  return result === 0;
}
