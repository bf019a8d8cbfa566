/** The ruleset `owasp-top-10`: every rule, in the order of docs/waf.md. */
import type { Rule } from '../rule.ts';
import { BOUND_RULES } from './bound.ts';
import { COMMAND_RULES } from './command.ts';
import { DESERIALISATION_RULES } from './deserialisation.ts';
import { NOSQL_RULES } from './nosql.ts';
import { PATH_RULES } from './path.ts';
import { PROTOCOL_RULES } from './protocol.ts';
import { SCANNER_RULES } from './scanner.ts';
import { SQL_RULES } from './sql.ts';
import { SSRF_RULES } from './ssrf.ts';
import { TEMPLATE_RULES } from './template.ts';
import { XSS_RULES } from './xss.ts';
import { XXE_RULES } from './xxe.ts';

export const RULES: readonly Rule[] = [
  ...SQL_RULES,
  ...NOSQL_RULES,
  ...XSS_RULES,
  ...PATH_RULES,
  ...COMMAND_RULES,
  ...TEMPLATE_RULES,
  ...SSRF_RULES,
  ...XXE_RULES,
  ...DESERIALISATION_RULES,
  ...PROTOCOL_RULES,
  ...SCANNER_RULES,
  ...BOUND_RULES,
];
