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
  'Answer of the OCSP responder of its authority, DER, sent along with the certificate (stapling). Left out: none is sent.';

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
        : refuse('this is no identifier of a rule'),
  });
}

const exclusion = z
  .strictObject({
    rule: optional(rule(), 'Rule that is left out. Left out: all rules.'),
    path: optional(
      text(/^\//, 'a path that starts with a slash'),
      'Only for this path; with a star at its end, for all that begin so. A path that servers read differently (.., //, %2f) never fits. Left out: everywhere.',
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
          'Certificate and its chain, PEM. Watched and swapped when it changes.',
        ),
        key_path: optional(path(), 'Private key of cert_path, PEM.'),
        ocsp_path: optional(path(), OCSP),
        certificates: setting(
          list(certificate, 1000),
          [],
          'Further certificates, chosen by the name the client asks for (SNI).',
        ),
        protocols: setting(
          list(choice(['TLSv1.2', 'TLSv1.3']), 2),
          ['TLSv1.2', 'TLSv1.3'],
          'Versions of TLS that are spoken.',
        ),
        ciphers: optional(
          text(/^[\w!:+@=-]+$/, 'a cipher list as OpenSSL writes it'),
          'Ciphers up to TLS 1.2, in the syntax of OpenSSL. Left out: the intermediate list of Mozilla.',
        ),
        curves: setting(
          text(/^[\w:?*/-]+$/, 'a list of groups as OpenSSL writes it'),
          'X25519MLKEM768:X25519:prime256v1:secp384r1',
          'Groups for the key exchange, in the syntax of OpenSSL; the first one keeps what is recorded today from the quantum computers of tomorrow.',
        ),
        http2: setting(flag(), true, 'Offer HTTP/2 to clients (ALPN).'),
        client_ca_path: optional(
          path(),
          'Ask clients for a certificate that one of these authorities signed, PEM; it goes on to servers as Client-Cert (RFC 9440). Left out: none is asked for.',
        ),
        client_certificates: setting(
          choice(['required', 'optional']),
          'required',
          'required: no connection without a certificate. optional: without one too; one that is brought has to be valid, and servers hear of it (Client-Cert).',
        ),
        redirect_http: optional(
          redirect(),
          'Address that answers plain HTTP with a redirect to HTTPS; true stands for :80. Left out: none.',
        ),
        hsts: setting(
          age(),
          '0s',
          'Browsers that came once use HTTPS alone for this long (Strict-Transport-Security). 0s: not sent.',
        ),
      },
      'TLS to clients.',
      'off',
    ),
    access_control: section(
      {
        enabled: switchedOnWhenWritten('Let clients in by their address. The refused get 403.'),
        allowlist: setting(
          list(network(), 100_000),
          [],
          'When not empty, only these networks are let in.',
        ),
        denylist: setting(
          list(network(), 100_000),
          [],
          'These networks are refused, whatever the allowlist says.',
        ),
        allowlist_file: optional(
          path(),
          'More of the allowlist: a file with a network a line and # before comments. Read at the start and at each reload.',
        ),
        denylist_file: optional(path(), 'More of the denylist, in a file of the same form.'),
      },
      'Access by address, behind trusted proxies by the forwarded one.',
      'off',
    ),
    waf: section(
      {
        enabled: switchedOnWhenWritten('Inspect requests for attacks.'),
        ruleset: setting(choice(['owasp-top-10']), 'owasp-top-10', 'Rules that are used.'),
        mode: setting(
          choice(['block', 'detect']),
          'block',
          'block: refuse with 403. detect: log only; begin with it.',
        ),
        paranoia_level: setting(
          integer(1, 4),
          1,
          'Higher levels use more rules, and stop more that is harmless.',
        ),
        anomaly_threshold: setting(
          integer(1, 1000),
          5,
          'Score at which a request counts as an attack; one critical rule scores 5.',
        ),
        exclusions: setting(
          list(exclusion, 1000),
          [],
          'Rules that are not used, or not for some paths and parameters.',
        ),
        body_limit: setting(
          size(0, 64 * 1024 * 1024),
          '128k',
          'How much of a body is inspected. 0: none of it.',
        ),
        oversize: setting(
          choice(['pass', 'refuse']),
          'pass',
          'Bodies larger than body_limit. pass: only the beginning is inspected, the rest passes unseen. refuse: 413 in mode block; for sites whose uploads all fit.',
        ),
      },
      'Web application firewall.',
      'off',
    ),
  },
  'TLS, access control and the web application firewall.',
);
