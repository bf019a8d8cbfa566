/** A listener that could not be opened; the message names the mend. */
export class ListenError extends Error {
  readonly address: string;
  readonly code: string;

  /** @param code the system's, as EADDRINUSE */
  constructor(address: string, code: string) {
    super(listenMessage(address, code));
    this.name = 'ListenError';
    this.address = address;
    this.code = code;
  }

  /** @param address where the error does not name one itself */
  static of(error: unknown, address = ''): ListenError {
    const { address: host = address, port, code = 'failed' } = error as SystemError;
    return new ListenError(port === undefined ? host : `${host}:${port}`, code);
  }
}

interface SystemError {
  readonly code?: string;
  readonly address?: string;
  readonly port?: number;
}

function listenMessage(address: string, code: string): string {
  switch (code) {
    case 'EADDRINUSE':
      return `cannot listen on ${address}: another program listens there already. End it, or name another address in load_balancing.listen. Who it is: ss -ltnp`;
    case 'EACCES':
      return `cannot listen on ${address}: not allowed. Ports below 1024 need a privilege: name a higher port in load_balancing.listen, or give node CAP_NET_BIND_SERVICE.`;
    case 'EADDRNOTAVAIL':
      return `cannot listen on ${address}: this machine has no such address. Name one that \`ip address\` shows in load_balancing.listen, or leave the host out for all of them.`;
    case 'ENOTFOUND':
      return `cannot listen on ${address}: the name has no address. Name an IP address in load_balancing.listen.`;
    case 'ENOENT':
      return `cannot listen on ${address}: its folder does not exist. Make it, or name another path in load_balancing.listen.`;
    case 'ENOTSOCK':
      return `cannot listen on ${address}: a file lies there that is no socket. Move it away, or name another path in load_balancing.listen.`;
    default:
      return `cannot listen on ${address}: ${code}. Name another address in load_balancing.listen.`;
  }
}
