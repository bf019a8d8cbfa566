import {
  address,
  age,
  choice,
  integer,
  needsRestart,
  optional,
  path,
  secret,
  section,
  setting,
  size,
} from '../kinds.ts';

export const admin = needsRestart(
  section(
    {
      listen: setting(
        address('host optional'),
        '127.0.0.1:9901',
        'TCP address of the admin API, /metrics and the dashboard.',
      ),
      socket: optional(
        path(),
        'Unix socket of the admin API, mode 0600, to which the commands talk. Give each instance its own; one that finds it taken is reached at admin.listen. Left out: openclaw.sock in the runtime directory.',
      ),
      token: optional(
        secret(/^[!-~]{16,}$/, 'a token of at least 16 characters (ASCII) without spaces'),
        'Bearer token of the TCP listener. Left out: it takes loopback clients only.',
      ),
    },
    'The admin API. It changes the instance: keep it off the public network.',
  ),
);

export const log = section(
  {
    file: optional(
      path(),
      'Log of JSON lines that "openclaw logs" reads. Left out: openclaw.log in the state directory.',
    ),
    level: setting(
      choice(['debug', 'info', 'warn', 'error']),
      'info',
      'Least level that is written.',
    ),
    access: setting(
      choice(['off', 'errors', 'all']),
      'errors',
      'Requests that are written: none, those answered with 5xx or refused, or all.',
    ),
    max_size: setting(
      size(64 * 1024, 16 * 1024 ** 3),
      '64m',
      'A log that has grown to this size is put aside and a new one begun.',
    ),
    max_age: setting(
      age(),
      '7d',
      'A log that was begun this long ago is put aside too. 0s: its age does not count.',
    ),
    max_files: setting(integer(1, 1000), 5, 'Logs put aside that are kept.'),
  },
  'The log.',
);
