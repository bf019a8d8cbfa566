/** Queue, limits, firewall and TLS: four cards whose rows stay where they are. */
import { count, ms, percent } from './readable.js';

const DAY_MS = 86_400_000;
const CERTIFICATES_SHOWN = 4;
/** With fewer days left a certificate is in colour; below the second an alert is raised. */
const DAYS_FEW = 30;
const DAYS_MIN = 14;

/**
 * The cards: the word of their title and of their rows, and whether a row is bad news. That somebody
 * is kept out, as some always are, is none.
 */
const CARDS = {
  queue: [
    ['waiting', true],
    ['longest', true],
    ['waited', false],
    ['timedOut', true],
    ['queueFull', true],
  ],
  limits: [
    ['byAddress', false],
    ['overall', true],
    ['byConnections', false],
    ['byList', false],
    ['overload', true],
  ],
  firewall: [
    ['blocked', false],
    ['detected', false],
    ['noted', false],
  ],
  tls: [
    ['handshakes', false],
    ['resumed', false],
    ['handshakesFailed', false],
  ],
};

export class Protection {
  constructor(parent) {
    this.cards = {};
    this.last = new Map();
    for (const [name, rows] of Object.entries(CARDS)) {
      const card = element('div', 'card');
      const title = element('h3');
      const mode = element('span', 'mode');
      const list = element('dl');
      this.cards[name] = { card, title, mode, rows: {} };
      const head = element('div', 'line');
      head.append(title, mode);
      for (const [row, isBad] of rows) {
        const pair = element('div');
        const label = element('dt');
        const value = element('dd');
        pair.append(label, value);
        list.append(pair);
        this.cards[name].rows[row] = { label, value, isBad };
      }
      card.append(head, list);
      parent.append(card);
    }
    this.certificates = element('ul', 'certificates');
    this.cards.tls.card.append(this.certificates);
  }

  translate(words) {
    this.words = words;
    this.last.clear();
    for (const [name, { title, rows }] of Object.entries(this.cards)) {
      title.textContent = words[`${name}Card`];
      for (const [row, { label }] of Object.entries(rows)) label.textContent = words[row];
    }
  }

  /** @param {object} status of /status */
  show({ queue, lastMinute, limits, waf, tls }, nowMs) {
    const { words } = this;
    const failed = codes(lastMinute.failures);
    const refused = limits.rates === 'observe' ? codes(lastMinute.observed) : failed;
    const { handshakes } = lastMinute;
    this.fill('queue', '', {
      waiting: queue.waiting,
      longest: [queue.longestMs, ms(queue.longestMs)],
      waited: [
        lastMinute.waited,
        lastMinute.waited === 0
          ? '0'
          : `${count(lastMinute.waited)}, p99 ${ms(lastMinute.waitP99Ms)}`,
      ],
      timedOut: failed('queue_timeout'),
      queueFull: failed('queue_full'),
    });
    this.fill('limits', words.modes[limits.rates], {
      byAddress: refused('address_rate_limited'),
      overall: refused('rate_limited'),
      byConnections: refused('too_many_connections'),
      byList: failed('address_denied'),
      overload: [
        limits.shedRatio + failed('overloaded'),
        limits.shedRatio === 0
          ? count(failed('overloaded'))
          : `${count(failed('overloaded'))}, ${words.shed(percent(limits.shedRatio))}`,
      ],
    });
    this.fill('firewall', words.modes[waf], lastMinute.waf);
    this.fill('tls', tls === null ? words.modes.off : '', {
      handshakes: handshakes.whole + handshakes.resumed,
      resumed: handshakes.resumed,
      handshakesFailed: handshakes.failed,
    });
    this.showCertificates(tls?.certificates ?? [], nowMs);
  }

  fill(name, mode, values) {
    const { mode: place, rows } = this.cards[name];
    this.put(`${name} mode`, mode, (text) => {
      place.textContent = text;
    });
    for (const [row, given] of Object.entries(values)) {
      const [value, text] = Array.isArray(given) ? given : [given, count(given)];
      const { value: cell, isBad } = rows[row];
      this.put(`${name} ${row}`, text, () => {
        cell.textContent = text;
        cell.className = value === 0 ? 'none' : isBad ? 'wrong' : '';
      });
    }
  }

  showCertificates(certificates, nowMs) {
    const { words } = this;
    const rows = certificates
      .map(({ names, path, expiresMs }) => {
        return { name: names[0] ?? path, days: Math.floor((expiresMs - nowMs) / DAY_MS) };
      })
      .sort((a, b) => a.days - b.days);
    const shown = rows.slice(0, CERTIFICATES_SHOWN);
    this.put('certificates', `${JSON.stringify(shown)} ${rows.length}`, () => {
      const items = shown.map(({ name, days }) => {
        const item = element('li');
        const left = element('span', days < DAYS_MIN ? 'wrong' : days < DAYS_FEW ? 'soon' : '');
        left.textContent = days < 0 ? words.ended : words.daysLeft(days);
        item.append(`${name} `, left);
        return item;
      });
      if (rows.length > shown.length) {
        const item = element('li');
        item.textContent = words.more(rows.length - shown.length);
        items.push(item);
      }
      this.certificates.replaceChildren(...items);
    });
  }

  put(key, value, write) {
    if (this.last.get(key) === value) return;
    this.last.set(key, value);
    write(value);
  }
}

function codes(list) {
  return (wanted) => list.find(({ code }) => code === wanted)?.count ?? 0;
}

function element(kind, className = '') {
  const made = document.createElement(kind);
  if (className !== '') made.className = className;
  return made;
}
