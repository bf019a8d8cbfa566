/** Scanners: what detect/scanner.ts signals. */
import type { Rule } from '../rule.ts';

export const SCANNER_RULES: readonly Rule[] = [
  {
    id: 'scanner-agent',
    title: 'A tool that looks for weaknesses, by its own name',
    class: 'scanner',
    where: ['header'],
    severity: 'critical',
    paranoia: 1,
    match: [
      'header:user-agent sqlmap/1.6#stable (https://sqlmap.org)',
      'header:user-agent Mozilla/5.00 (Nikto/2.1.6)',
    ],
    pass: [
      'header:user-agent Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0',
      'header:user-agent curl/8.5.0',
      'header:user-agent Photon-Camera/2.0',
    ],
  },
  {
    id: 'scanner-probe',
    title: 'A file that no visitor asks for',
    class: 'scanner',
    where: ['path'],
    severity: 'critical',
    paranoia: 1,
    match: [
      'target /.git/HEAD',
      'target /.env',
      'target /wp-config.php.bak',
      'target /vendor/phpunit/phpunit/src/Util/PHP/eval-stdin.php',
    ],
    pass: [
      'target /.well-known/acme-challenge/x',
      'target /environment',
      'target /docs/git/',
      'target /assets/app.js',
    ],
  },
  {
    id: 'scanner-likely',
    title: "An administrator's page or a copy",
    class: 'scanner',
    where: ['path'],
    severity: 'critical',
    paranoia: 3,
    match: ['target /phpmyadmin/', 'target /wp-login.php'],
    pass: ['target /login'],
  },
  {
    id: 'scanner-library',
    title: 'A bare library for a client',
    class: 'scanner',
    where: ['header'],
    severity: 'notice',
    paranoia: 3,
    match: ['header:user-agent python-requests/2.31'],
    pass: ['header:user-agent Mozilla/5.0'],
  },
];
