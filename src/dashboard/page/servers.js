/** The table of servers: a row is made once, and then only what changed in it is written. */
import { age, count, ms, percent } from './readable.js';

const SVG = 'http://www.w3.org/2000/svg';
const SPARK_WIDTH = 90;
const SPARK_HEIGHT = 22;
/** A frame costs as much as a hundred rows do, so that smaller pieces would cost more in all. */
const ROWS_A_FRAME = 100;

export class ServerTable {
  /** @param {(server: string, action: string) => void} act */
  constructor(body, act) {
    this.body = body;
    this.act = act;
    this.rows = new Map();
    this.words = {};
  }

  /**
   * The work of showing them, in pieces that each fit into a frame.
   *
   * @param {object[]} servers of /status
   * @returns {(() => void)[]}
   */
  pieces(servers, words, nowMs) {
    this.keep(servers, words);
    const work = [];
    for (let first = 0; first < servers.length; first += ROWS_A_FRAME) {
      const some = servers.slice(first, first + ROWS_A_FRAME);
      work.push(() => {
        for (const server of some) this.fill(this.rowOf(server), server, nowMs);
      });
    }
    return work;
  }

  /** Rows of these servers and no others. */
  keep(servers, words) {
    if (words !== this.words) {
      this.body.replaceChildren();
      this.rows.clear();
      this.words = words;
    }
    const names = new Set(servers.map(({ name }) => name));
    for (const [name, row] of this.rows) {
      if (names.has(name)) continue;
      row.line.remove();
      this.rows.delete(name);
    }
  }

  rowOf(server) {
    let row = this.rows.get(server.name);
    if (row === undefined) {
      row = this.make(server);
      this.rows.set(server.name, row);
      this.body.append(row.line);
    }
    return row;
  }

  make(server) {
    const { words } = this;
    const line = document.createElement('tr');
    line.setAttribute('role', 'row');
    const cell = (label, className = '', kind = 'td') => {
      const made = document.createElement(kind);
      made.setAttribute('role', kind === 'th' ? 'rowheader' : 'cell');
      if (kind === 'th') made.scope = 'row';
      made.dataset.label = label;
      if (className !== '') made.className = className;
      line.append(made);
      return made;
    };
    const name = cell(words.server, 'name', 'th');
    const strong = document.createElement('strong');
    strong.textContent = server.name;
    name.append(strong);
    const address = document.createElement('small');
    name.append(address);
    const state = cell(words.state);
    const badge = document.createElement('span');
    state.append(badge);
    const share = cell(words.share, 'share');
    const bar = document.createElement('span');
    bar.className = 'bar';
    const part = document.createElement('span');
    bar.append(part);
    const shareText = document.createElement('span');
    share.append(bar, shareText);
    const perSecond = cell(words.perSecond, 'number');
    const inFlight = cell(words.inFlight, 'number');
    const errorRate = cell(words.errorRate, 'number');
    const failedAttempts = cell(words.failedAttempts, 'number');
    const latency = cell(words.latency, 'latency');
    const spark = document.createElementNS(SVG, 'svg');
    spark.setAttribute('viewBox', `0 0 ${SPARK_WIDTH} ${SPARK_HEIGHT}`);
    spark.setAttribute('aria-hidden', 'true');
    spark.setAttribute('class', 'spark');
    const path = document.createElementNS(SVG, 'path');
    spark.append(path);
    const latencyText = document.createElement('span');
    latency.append(spark, latencyText);
    const breaker = cell(words.breaker);
    const change = cell(words.change, 'change');
    const actions = cell(words.actions, 'actions');
    const buttons = ['enable', 'drain', 'disable'].map((action) => {
      const button = document.createElement('button');
      button.type = 'button';
      button.textContent = words[action];
      button.dataset.action = action;
      button.setAttribute('aria-label', `${words[action]} ${server.name}`);
      button.addEventListener('click', () => this.act(server.name, action));
      actions.append(button);
      return button;
    });
    return {
      line,
      address,
      badge,
      part,
      shareText,
      perSecond,
      inFlight,
      errorRate,
      failedAttempts,
      path,
      latencyText,
      breaker,
      change,
      buttons,
      last: new Map(),
    };
  }

  fill(row, server, nowMs) {
    const { words } = this;
    const state = stateOf(server);
    const put = (key, value, write) => {
      if (row.last.get(key) === value) return;
      row.last.set(key, value);
      write(value);
    };
    const text = (key, value) =>
      put(key, value, () => {
        row[key].textContent = value;
      });
    const notes = [
      server.address === server.name ? '' : server.address,
      server.weight === 1 ? '' : `×${server.weight}`,
      server.backup ? words.backup : '',
    ];
    text('address', notes.filter((note) => note !== '').join(' '));
    put('state', state, () => {
      row.badge.className = `state ${state}`;
      row.badge.textContent = words[state];
    });
    put('share', Math.round(server.share * 1000), () => {
      // Its width would have the whole table laid out anew.
      row.part.style.transform = `scaleX(${server.share})`;
      row.shareText.textContent = percent(server.share);
    });
    text('perSecond', count(server.requestsPerSecond));
    text('inFlight', count(server.inFlight));
    text('errorRate', percent(server.errorRate));
    put('errorClass', server.errorRate > 0, (wrong) =>
      row.errorRate.classList.toggle('wrong', wrong),
    );
    text('failedAttempts', percent(server.failureRate));
    put('failedClass', server.failureRate > 0, (wrong) =>
      row.failedAttempts.classList.toggle('wrong', wrong),
    );
    put('spark', server.p99Ms.join(), () => row.path.setAttribute('d', sparkline(server.p99Ms)));
    text('latencyText', ms(server.p99MsOfMinute));
    const breaker = server.breaker ?? '';
    put('breakerState', breaker, () => {
      row.breaker.textContent = breaker === '' ? '–' : words[breaker];
      row.breaker.className = breaker === 'open' ? 'wrong' : '';
    });
    text('change', changeText(server, words, nowMs));
    const taken = { active: 'enable', draining: 'drain', maintenance: 'disable' }[server.admin];
    put('taken', taken, () => {
      for (const button of row.buttons) button.disabled = button.dataset.action === taken;
    });
  }
}

/** What and when; why, unless its probes simply succeed. */
function changeText({ lastChange, trouble }, words, nowMs) {
  if (lastChange === null) return '–';
  const { what, why, atMs } = trouble ?? lastChange;
  const said = `${words.changes[what] ?? what}, ${words.ago(age(nowMs - atMs))}`;
  return why === '' || what === 'health up' ? said : `${said}: ${why}`;
}

/** The gravest of what probes, operator and traffic say. */
function stateOf({ admin, state, standing }) {
  if (admin === 'maintenance') return admin;
  if (state === 'down' || standing === 'ejected') return state === 'down' ? state : standing;
  return standing === 'draining' ? standing : state;
}

/** A line through the values that were measured, on a scale of its own. */
function sparkline(values) {
  const highest = Math.max(...values, 0.001);
  const step = SPARK_WIDTH / 59;
  let path = '';
  let isOpen = false;
  values.forEach((value, at) => {
    if (value < 0) return;
    const x = SPARK_WIDTH - (values.length - 1 - at) * step;
    const y = SPARK_HEIGHT - 2 - (value / highest) * (SPARK_HEIGHT - 4);
    path += `${isOpen ? 'L' : 'M'}${x.toFixed(1)} ${y.toFixed(1)}`;
    isOpen = true;
  });
  // A single point is seen too.
  return path === '' ? '' : `${path}h0.01`;
}
