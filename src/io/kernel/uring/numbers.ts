/** Numbers of io_uring's interface (`linux/io_uring.h`, `io_uring_enter(2)`). */

export const OP_POLL_ADD = 6;
export const OP_TIMEOUT = 11;
export const OP_ACCEPT = 13;
export const OP_ASYNC_CANCEL = 14;
export const OP_CLOSE = 19;
export const OP_SEND = 26;
export const OP_RECV = 27;

/** Flags of an operation, where `Ring.put` has them: above its code. */
export const BUFFER_SELECT: number = (1 << 5) << 8;
/** No completion where it succeeds. */
export const SKIP_SUCCESS: number = (1 << 6) << 8;
/** Priority's bits, which mean something else for each code. */
export const ACCEPT_MULTISHOT: number = (1 << 0) << 16;
export const RECV_MULTISHOT: number = (1 << 1) << 16;

/** Flags of a completion. */
export const HAS_BUFFER = 1;
export const HAS_MORE = 2;
/** Where the number of its buffer begins. */
export const BUFFER_SHIFT = 16;

/** A send that takes less counts as failed: it has a completion, whatever its flags. */
export const MSG_WAITALL = 0x100;

export const POLLIN = 1;
export const POLLOUT = 4;

export const SETUP_CQSIZE: number = 1 << 3;
/** An operation that is refused does not hold up those behind it. */
export const SETUP_SUBMIT_ALL: number = 1 << 7;
export const SETUP_SINGLE_ISSUER: number = 1 << 12;
/** The kernel works for the ring only while it is entered, and interrupts nothing. Linux 6.1. */
export const SETUP_DEFER_TASKRUN: number = 1 << 13;
/** Linux 6.6. */
export const SETUP_NO_SQARRAY: number = 1 << 16;

export const ENTER_GETEVENTS = 1;
export const ENTER_EXT_ARG = 8;

/** In the ring's flags: completions wait for room. */
export const CQ_OVERFLOW = 2;

export const REGISTER_PBUF_RING = 22;

export const EPERM = 1;
export const ENOMEM = 12;
export const EBUSY = 16;
export const ENOSYS = 38;
export const ETIME = 62;
export const ENOBUFS = 105;
export const ECANCELED = 125;
