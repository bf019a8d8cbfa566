/**
 * The system calls that sockets are made of, as the C library has them (man pages of section 2).
 * Addresses are numbers of an arena; lengths are below 2 GB, so that 32 bits hold them.
 */
import { ffi, functionsOf } from './ffi.ts';

const DEFINITIONS = {
  socket: { arguments: ['i32', 'i32', 'i32'], return: 'i32' },
  bind: { arguments: ['i32', 'u64', 'u32'], return: 'i32' },
  listen: { arguments: ['i32', 'i32'], return: 'i32' },
  connect: { arguments: ['i32', 'u64', 'u32'], return: 'i32' },
  accept4: { arguments: ['i32', 'u64', 'u64', 'i32'], return: 'i32' },
  setsockopt: { arguments: ['i32', 'i32', 'i32', 'u64', 'u32'], return: 'i32' },
  getsockopt: { arguments: ['i32', 'i32', 'i32', 'u64', 'u64'], return: 'i32' },
  getsockname: { arguments: ['i32', 'u64', 'u64'], return: 'i32' },
  getpeername: { arguments: ['i32', 'u64', 'u64'], return: 'i32' },
  // Not recv and send: a call of more than three arguments takes node:ffi twice as long. The
  // sockets do not block, and Node ignores SIGPIPE, so their flags are not needed.
  read: { arguments: ['i32', 'u64', 'u32'], return: 'i32' },
  write: { arguments: ['i32', 'u64', 'u32'], return: 'i32' },
  shutdown: { arguments: ['i32', 'i32'], return: 'i32' },
  close: { arguments: ['i32'], return: 'i32' },
  epoll_create1: { arguments: ['i32'], return: 'i32' },
  epoll_ctl: { arguments: ['i32', 'i32', 'i32', 'u64'], return: 'i32' },
  epoll_wait: { arguments: ['i32', 'u64', 'i32', 'i32'], return: 'i32' },
  /** Where the thread's `errno` lies. */
  __errno_location: { arguments: [], return: 'u64' },
  /** The descriptor that is readable when libuv's loop has something to do. */
  uv_backend_fd: { arguments: ['u64'], return: 'i32' },
} as const;

type Functions = NonNullable<ReturnType<typeof functionsOf<typeof DEFINITIONS>>>;

// The numbers below are Linux's.
const found = process.platform === 'linux' ? functionsOf(DEFINITIONS) : null;

/** Whether the calls can be made here. The others of this file are of use only then. */
export const hasCalls: boolean = found !== null;
export const calls: Functions = found as Functions;

/** This thread's `errno`, where it lies: asking for it when it is wanted would write over it. */
const errnoCell: Int32Array =
  found === null
    ? new Int32Array(1)
    : new Int32Array(ffi!.toArrayBuffer(found.__errno_location() as bigint, 4, false));

/** The error of the call before, which must have failed just now. */
export function errno(): number {
  return errnoCell[0]!;
}

/** The descriptor of the loop of this thread. */
export function loopDescriptor(): number {
  return calls.uv_backend_fd(ffi!.getCurrentEventLoop());
}

export const EINTR = 4;
export const EAGAIN = 11;
export const EINVAL = 22;
export const EMFILE = 24;
export const EPIPE = 32;
export const ECONNABORTED = 103;
export const ECONNRESET = 104;
export const EINPROGRESS = 115;

export const AF_UNIX = 1;
export const AF_INET = 2;
export const AF_INET6 = 10;
export const SOCK_STREAM_NONBLOCK_CLOEXEC: number = 1 | 0o4000 | 0o2000000;
export const SOCK_NONBLOCK_CLOEXEC: number = 0o4000 | 0o2000000;

export const MSG_DONTWAIT = 0x40;
export const MSG_NOSIGNAL = 0x4000;
export const SHUT_WR = 1;

export const SOL_SOCKET = 1;
export const SO_REUSEADDR = 2;
export const SO_ERROR = 4;
export const SO_LINGER = 13;
export const SO_REUSEPORT = 15;
export const IPPROTO_TCP = 6;
export const TCP_NODELAY = 1;
export const TCP_NOTSENT_LOWAT = 25;
export const IPPROTO_IPV6 = 41;
export const IPV6_V6ONLY = 26;
