import {
  age,
  choice,
  duration,
  flag,
  integer,
  list,
  optional,
  secret,
  section,
  setting,
  switchedOnWhenWritten,
  text,
} from '../kinds.ts';
import { cookiePath } from '../wire.ts';

export const sessionPersistence = section(
  {
    enabled: switchedOnWhenWritten('Send all requests of a client to the same server.'),
    type: setting(
      choice(['cookie', 'ip_hash', 'source_ip']),
      'cookie',
      'How clients are recognised: by a signed cookie, by a hash of their address, or by a table of addresses.',
    ),
    cookie: section(
      {
        name: setting(
          text(/^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/, 'a cookie name: letters, digits, "-" and "_"'),
          'openclaw_session',
          'Name of the cookie. It is removed from requests before they reach a server.',
        ),
        path: setting(cookiePath(), '/', 'Path attribute of the cookie.'),
        domain: optional(
          text(/^\.?[a-z0-9-]+(\.[a-z0-9-]+)*$/i, 'a domain like example.com'),
          'Domain attribute of the cookie. Left out: the requested host.',
        ),
        expires: optional(
          age({ minMs: 1000 }),
          'How long the cookie lasts (Max-Age and Expires). Left out: until the browser closes.',
        ),
        secure: setting(
          flag(),
          false,
          'Browsers send the cookie only over HTTPS. Without TLS they never send it back.',
        ),
        http_only: setting(flag(), true, 'Scripts in the page cannot read the cookie.'),
        same_site: setting(
          choice(['lax', 'strict', 'none']),
          'lax',
          'Whether requests from other sites carry the cookie. "none" needs secure.',
        ),
        secret: optional(
          secret(/^[\s\S]{16,}$/, 'a secret of at least 16 characters'),
          'Key that signs the cookie; give all instances the same one. Left out: a key is generated and kept in the state directory.',
        ),
        previous_secrets: setting(
          list(secret(/^[\s\S]{16,}$/, 'a secret of at least 16 characters'), 7),
          [],
          'Earlier values of secret. Cookies signed with them are still accepted, and replaced by new ones.',
        ),
      },
      'Attributes and key of the session cookie.',
    ),
    ip_hash: section(
      {
        enabled: setting(flag(), true, 'Whether type ip_hash may be used.'),
        hash_algorithm: setting(
          choice(['crc32', 'fnv1a', 'xxhash']),
          'crc32',
          'Hash function that places an address on the ring.',
        ),
      },
      'Persistence by a hash of the client address, without a table.',
    ),
    source_ip: section(
      {
        max_entries: setting(
          integer(1, 10_000_000),
          100_000,
          'Maximum addresses in the table; the oldest are evicted.',
        ),
        expires: setting(
          duration({ minMs: 1000 }),
          '1h',
          'An address not seen for this long is forgotten.',
        ),
      },
      'Persistence by a table of client addresses, shared by all workers.',
    ),
  },
  'Session persistence. It takes precedence over the strategy; health takes precedence over it.',
  'off',
);
