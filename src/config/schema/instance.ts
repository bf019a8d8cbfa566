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
        'Unix socket of the admin API, mode 0600, used by the commands. Give each instance its own; an instance that finds it taken is reached at admin.listen. Left out: openclaw.sock in the runtime directory.',
      ),
      token: optional(
        secret(/^[!-~]{16,}$/, 'a token of at least 16 characters (ASCII) without spaces'),
        'Bearer token for the TCP listener. Left out: only loopback clients are accepted.',
      ),
    },
    'The admin API. It controls the instance: keep it off the public network.',
  ),
);

export const log = section(
  {
    file: optional(
      path(),
      'Log file of JSON lines, read by "openclaw logs". Left out: openclaw.log in the state directory.',
    ),
    level: setting(choice(['debug', 'info', 'warn', 'error']), 'info', 'Minimum level to log.'),
    access: setting(
      choice(['off', 'errors', 'all']),
      'errors',
      'Requests to log: none, those answered with 5xx or refused, or all.',
    ),
    max_size: setting(size(64 * 1024, 16 * 1024 ** 3), '64m', 'Size at which the log is rotated.'),
    max_age: setting(age(), '7d', 'Age at which the log is rotated. 0s: never because of its age.'),
    max_files: setting(integer(1, 1000), 5, 'Rotated logs to keep.'),
  },
  'The log.',
);
