import { z } from 'zod';
import {
  address,
  age,
  choice,
  flag,
  integer,
  list,
  network,
  optional,
  path,
  reading,
  refuse,
  required,
  section,
  setting,
  size,
  switchedOnWhenWritten,
  text,
} from '../kinds.ts';

const OCSP =
  'OCSP response for the certificate, DER, sent along with it (stapling). Left out: none is sent.';

const certificate = z
  .strictObject({
    cert_path: required(path(), 'Certificate and its chain, PEM.'),
    key_path: required(path(), 'Private key, PEM.'),
    ocsp_path: optional(path(), OCSP),
  })
  .meta({ kind: 'section' });

/** `true` stands for the port that browsers try first, `false` for none. */
function redirect() {
  return z
    .preprocess(
      (value) => (value === true ? ':80' : value === false ? undefined : value),
      address('host optional').optional(),
    )
    .meta({
      kind: 'address',
      expected: 'an address like :80, true for :80, or false',
      json: { type: ['string', 'boolean'] },
    });
}

/** An identifier of a rule: the number or the text the log shows. */
function rule() {
  return reading<string>({
    kind: 'text',
    expected: 'the identifier of a rule',
    json: { type: ['string', 'integer'] },
    read: (value) =>
      typeof value === 'string' || typeof value === 'number'
        ? { ok: true, value: String(value) }
        : refuse('this is not a rule identifier'),
  });
}

const exclusion = z
  .strictObject({
    rule: optional(rule(), 'Rule to exclude. Left out: all rules.'),
    path: optional(
      text(/^\//, 'a path that starts with a slash'),
      'Only for this path; with a star at its end, for all paths with this prefix. A path that servers may read differently (.., //, %2f) never matches. Left out: everywhere.',
    ),
    parameter: optional(text(), 'Only for this parameter, header or cookie. Left out: everything.'),
  })
  .meta({ kind: 'section' });

export const security = section(
  {
    tls: section(
      {
        enabled: switchedOnWhenWritten('Speak TLS on the listeners.'),
        cert_path: optional(
          path(),
          'Certificate and its chain, PEM. Reloaded when the file changes.',
        ),
        key_path: optional(path(), 'Private key of cert_path, PEM.'),
        ocsp_path: optional(path(), OCSP),
        certificates: setting(
          list(certificate, 1000),
          [],
          'Additional certificates, selected by the name the client requests (SNI).',
        ),
        protocols: setting(
          list(choice(['TLSv1.2', 'TLSv1.3']), 2),
          ['TLSv1.2', 'TLSv1.3'],
          'TLS versions to accept.',
        ),
        ciphers: optional(
          text(/^[\w!:+@=-]+$/, 'a cipher list as OpenSSL writes it'),
          "Ciphers up to TLS 1.2, in OpenSSL syntax. Left out: Mozilla's intermediate list.",
        ),
        curves: setting(
          text(/^[\w:?*/-]+$/, 'a list of groups as OpenSSL writes it'),
          'X25519MLKEM768:X25519:prime256v1:secp384r1',
          'Groups for the key exchange, in OpenSSL syntax; the first one protects traffic recorded today from future quantum computers.',
        ),
        http2: setting(flag(), true, 'Offer HTTP/2 to clients (ALPN).'),
        client_ca_path: optional(
          path(),
          'Request a client certificate signed by one of these authorities, PEM; it is passed to servers as Client-Cert (RFC 9440). Left out: none is requested.',
        ),
        client_certificates: setting(
          choice(['required', 'optional']),
          'required',
          'required: refuse clients without a certificate. optional: accept them; a certificate that is sent must be valid, and is passed to servers (Client-Cert).',
        ),
        redirect_http: optional(
          redirect(),
          'Address that redirects plain HTTP to HTTPS; true stands for :80. Left out: none.',
        ),
        hsts: setting(
          age(),
          '0s',
          'Browsers that have visited once use only HTTPS for this long (Strict-Transport-Security). 0s: not sent.',
        ),
      },
      'TLS to clients.',
      'off',
    ),
    access_control: section(
      {
        enabled: switchedOnWhenWritten(
          'Allow or deny clients by address. Denied requests get 403.',
        ),
        allowlist: setting(
          list(network(), 100_000),
          [],
          'When not empty, only these networks are allowed.',
        ),
        denylist: setting(
          list(network(), 100_000),
          [],
          'These networks are denied, even if the allowlist has them.',
        ),
        allowlist_file: optional(
          path(),
          'Further entries of the allowlist: a file with one network per line and # before comments. Read at startup and on each reload.',
        ),
        denylist_file: optional(path(), 'Further entries of the denylist, in the same format.'),
      },
      'Access by client address; behind trusted proxies, by the forwarded one.',
      'off',
    ),
    waf: section(
      {
        enabled: switchedOnWhenWritten('Inspect requests for attacks.'),
        ruleset: setting(choice(['owasp-top-10']), 'owasp-top-10', 'Set of rules to use.'),
        mode: setting(
          choice(['block', 'detect']),
          'block',
          'block: refuse with 403. detect: log only; start with this.',
        ),
        paranoia_level: setting(
          integer(1, 4),
          1,
          'Higher levels use more rules and cause more false positives.',
        ),
        anomaly_threshold: setting(
          integer(1, 1000),
          5,
          'Score at which a request counts as an attack; one critical rule scores 5.',
        ),
        exclusions: setting(
          list(exclusion, 1000),
          [],
          'Rules to exclude, altogether or for some paths and parameters.',
        ),
        body_limit: setting(
          size(0, 64 * 1024 * 1024),
          '128k',
          'How much of a body is inspected. 0: nothing.',
        ),
        oversize: setting(
          choice(['pass', 'refuse']),
          'pass',
          'Bodies larger than body_limit. pass: only the beginning is inspected, the rest passes uninspected. refuse: 413 in mode block; for sites whose uploads all fit.',
        ),
      },
      'Web application firewall.',
      'off',
    ),
  },
  'TLS, access control and the web application firewall.',
);
