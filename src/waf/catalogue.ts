/**
 * Rules and verdicts as data, without the detectors: for whatever lists rules, counts or tells
 * verdicts and checks exclusions, and inspects nothing. It loads a quarter of what index.ts loads.
 */

export { exclusionFor, explain } from './explain.ts';
export { CLEAN, type Match, type Verdict } from './findings.ts';
export { type RequestPath, requestPath } from './request-path.ts';
export {
  type Paranoia,
  type Place,
  RULE_CLASSES,
  type Rule,
  type RuleClass,
  SCORES,
  type Severity,
} from './rule.ts';
export { RULES } from './rules/rules.ts';
export { checkExclusion, type Exclusion } from './ruleset.ts';
