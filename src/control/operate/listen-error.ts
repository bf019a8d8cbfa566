/** A listener that could not be opened; the message says how to fix it. */
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

  /** @param address used if the error names none */
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
      return `cannot listen on ${address}: another program is already listening there. Stop it, or set another address in load_balancing.listen. To find it: ss -ltnp`;
    case 'EACCES':
      return `cannot listen on ${address}: permission denied. Ports below 1024 need a privilege: set a higher port in load_balancing.listen, or give node CAP_NET_BIND_SERVICE.`;
    case 'EADDRNOTAVAIL':
      return `cannot listen on ${address}: this machine has no such address. Set one that \`ip address\` shows in load_balancing.listen, or leave out the host to listen on all of them.`;
    case 'ENOTFOUND':
      return `cannot listen on ${address}: the name cannot be resolved. Set an IP address in load_balancing.listen.`;
    case 'ENOENT':
      return `cannot listen on ${address}: its directory does not exist. Create it, or set another path in load_balancing.listen.`;
    case 'ENOTSOCK':
      return `cannot listen on ${address}: a file that is not a socket is in the way. Move it, or set another path in load_balancing.listen.`;
    default:
      return `cannot listen on ${address}: ${code}. Set another address in load_balancing.listen.`;
  }
}
