/** Server-side request forgery: what detect/url.ts signals. */
import { type Rule, VALUES } from '../rule.ts';

export const SSRF_RULES: readonly Rule[] = [
  {
    id: 'ssrf-metadata',
    title: "The cloud's metadata service",
    class: 'ssrf',
    where: VALUES,
    severity: 'critical',
    paranoia: 1,
    match: [
      'query:url http://169.254.169.254/latest/meta-data/',
      'json:url http://metadata.google.internal/computeMetadata/v1/',
      'query:url http://2852039166/',
    ],
    pass: ['query:url https://docs.example/metadata', 'query:ip 10.1.2.3'],
  },
  {
    id: 'ssrf-internal',
    title: 'The server itself or its network',
    class: 'ssrf',
    where: VALUES,
    severity: 'critical',
    paranoia: 1,
    match: [
      'query:url http://127.0.0.1:8080/admin',
      'query:url http://[::1]/',
      'json:next http://0x7f.1/',
      'query:url http://127.0.0.1.nip.io/',
    ],
    pass: [
      'query:redirect_uri http://localhost:3000/callback',
      'query:url https://example.com/',
      'json:text http://localhost:3000 is where it runs',
    ],
  },
  {
    id: 'ssrf-internal-return',
    title: 'The network of the server as the place to return to',
    class: 'ssrf',
    where: VALUES,
    severity: 'warning',
    paranoia: 2,
    match: ['query:redirect_uri http://localhost:3000/callback'],
    pass: ['query:redirect_uri https://app.example/callback'],
  },
  {
    id: 'ssrf-scheme',
    title: 'A scheme that speaks to no web server',
    class: 'ssrf',
    where: VALUES,
    severity: 'critical',
    paranoia: 1,
    match: [
      'query:url gopher://127.0.0.1:6379/_x',
      'query:url dict://x:11211/',
      'query:url file:///etc/hosts',
    ],
    pass: ['query:url mailto:ann@example.com', 'query:url ftp.example.com'],
  },
  {
    id: 'ssrf-callback',
    title: 'A service that reports calls to an attacker',
    class: 'ssrf',
    where: VALUES,
    severity: 'critical',
    paranoia: 1,
    match: ['query:url http://abc.oastify.com/'],
    pass: ['query:url http://toasty.example/'],
  },
];
