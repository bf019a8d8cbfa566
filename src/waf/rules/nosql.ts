/** NoSQL and LDAP injection: what detect/nosql.ts signals. */
import { type Rule, VALUES } from '../rule.ts';

export const NOSQL_RULES: readonly Rule[] = [
  {
    id: 'nosql-operator',
    title: "A database's operator where a value was expected",
    class: 'nosql',
    where: VALUES,
    severity: 'critical',
    paranoia: 1,
    match: ['target /?user[$ne]=x', 'rawjson {"user":{"$gt":""}}', 'query:filter {"$where":"1"}'],
    pass: ['rawjson {"$schema":"x","$ref":"#/a"}', 'query:price $100', 'target /?a[0]=1'],
  },
  {
    id: 'nosql-operator-weak',
    title: 'An operator that honest documents hold too',
    class: 'nosql',
    where: VALUES,
    severity: 'warning',
    paranoia: 2,
    match: ['rawjson {"a":{"$type":2}}'],
    pass: ['rawjson {"a":{"type":2}}'],
  },
  {
    id: 'nosql-script',
    title: "JavaScript for a database's $where",
    class: 'nosql',
    where: VALUES,
    severity: 'critical',
    paranoia: 1,
    match: [
      "query:q '; return true; var x='",
      "query:u ' || this.password.match(/.*/)//",
      "query:u ' || 1==1//",
    ],
    pass: ['json:code return true;', 'form:t this.name is fine'],
  },
  {
    id: 'nosql-xpath',
    title: 'A path of XPath closed and another begun',
    class: 'nosql',
    where: VALUES,
    severity: 'critical',
    paranoia: 1,
    match: ["query:q '] | //user/*[contains(*,'", "form:name x')] | /a/b['"],
    pass: ["json:xpath //a[text()='x'] and //b", "query:q a['b']"],
  },
  {
    id: 'nosql-ldap',
    title: 'A filter of LDAP closed and begun anew',
    class: 'nosql',
    where: VALUES,
    severity: 'critical',
    paranoia: 1,
    match: ['form:user *)(uid=*))(|(uid=*', 'form:user admin)(&(password=*))'],
    pass: ['form:t f(x)(y)', 'form:t (see note) (and the other)'],
  },
];
