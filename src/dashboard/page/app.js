/** The dashboard: asks the admin API each second, and shows what it says. */
import { ask, TokenNeeded, token } from './api.js';
import { Chart } from './charts.js';
import { Protection } from './protection.js';
import { age, count, ms, percent } from './readable.js';
import { errorCells, hitCells, RequestTable } from './requests.js';
import { ServerTable } from './servers.js';
import { WORDS } from './words.js';

const EVERY_MS = 1000;
const SAMPLES_MAX = 3600;
const ERRORS_MAX = 12;
const HITS_MAX = 6;
const CODES_MAX = 8;
const CHART_COLOURS = ['axis', 'grid', 'dim', 'text', 'first', 'second', 'third', 'bad'];
/** Columns of /history after the time. */
const COLUMN = { requests: 1, errors: 2, p50: 3, p99: 4, tunnels: 7, clients: 6 };

const $ = (id) => document.getElementById(id);
const language =
  localStorage.getItem('openclaw-language') ?? (navigator.language.startsWith('zh') ? 'zh' : 'en');
let words = WORDS[language] ?? WORDS.en;
const samples = Array.from({ length: 9 }, () => []);
let status = null;
let minutes = 60;
let isAsking = false;
let isDrawing = false;
let pending = [];

const charts = [
  {
    chart: new Chart($('charts'), { series: [{ name: '', colour: 'first' }], format: count }),
    title: () => `${words.requests}/s`,
    names: () => [''],
    columns: () => [samples[COLUMN.requests]],
  },
  {
    chart: new Chart($('charts'), {
      series: [{ name: '', colour: 'bad' }],
      format: (value) => percent(value),
      least: 0.01,
    }),
    title: () => words.errorRate,
    names: () => [''],
    columns: () => [
      samples[COLUMN.requests].map((all, at) => (all === 0 ? 0 : samples[COLUMN.errors][at] / all)),
    ],
  },
  {
    chart: new Chart($('charts'), {
      series: [
        { name: 'p99', colour: 'second' },
        { name: 'p50', colour: 'first' },
      ],
      format: (value) => (value === 0 ? '0' : ms(value)),
    }),
    title: () => words.latencyChart,
    names: () => ['p99', 'p50'],
    columns: () => [samples[COLUMN.p99], samples[COLUMN.p50]],
  },
  {
    chart: new Chart($('charts'), {
      series: [
        { name: '', colour: 'first' },
        { name: '', colour: 'third' },
      ],
      format: count,
    }),
    title: () => words.openNow,
    names: () => [words.tunnels, words.clients],
    columns: () => [samples[COLUMN.tunnels], samples[COLUMN.clients]],
  },
];

const table = new ServerTable($('server-rows'), act);
const protection = new Protection($('protection'));
const errorTable = new RequestTable($('error-rows'), errorCells);
const hitTable = new RequestTable($('hit-rows'), hitCells);

function translate() {
  document.documentElement.lang = words === WORDS.zh ? 'zh' : 'en';
  for (const element of document.querySelectorAll('[data-word]')) {
    element.textContent = words[element.dataset.word];
  }
  for (const element of document.querySelectorAll('[data-word-label]')) {
    element.setAttribute('aria-label', words[element.dataset.wordLabel]);
  }
  $('language').textContent = words.otherLanguage;
  $('language').lang = words === WORDS.zh ? 'en' : 'zh';
  for (const button of document.querySelectorAll('[data-minutes]')) {
    button.textContent = words.minutes(Number(button.dataset.minutes));
  }
  protection.translate(words);
  for (const { chart, title, names } of charts) {
    chart.name(title(), names(), (now, highest) => words.chart(title(), now, highest));
  }
  show();
}

/** What can be seen is brought up to date over some frames: none of them comes late. */
function show() {
  const servers = status === null ? [] : status.pools.flatMap((pool) => pool.servers);
  const [half, otherHalf] = [charts.slice(0, 2), charts.slice(2)];
  inTurn([
    showNow,
    () => showCharts(half),
    () => showCharts(otherHalf),
    ...table.pieces(servers, words, Date.now()),
  ]);
}

/** One piece of work a frame; a newer one of its kind takes the place of what has not begun. */
function inTurn(work) {
  pending = work;
  if (isDrawing) return;
  isDrawing = true;
  const next = () => {
    const piece = pending.shift();
    isDrawing = pending.length > 0;
    if (isDrawing) requestAnimationFrame(next);
    piece?.();
  };
  requestAnimationFrame(next);
}

function showNow() {
  if (status === null) return;
  const nowMs = Date.now();
  document.title = status.alerts.length > 0 ? `(${status.alerts.length}) openclaw` : 'openclaw';
  $('about').textContent = [
    status.version,
    words.up_for(age(status.uptimeMs)),
    words.workers(status.workers),
    ...status.pools.map(
      ({ name, strategy, servers }) => `${name}: ${strategy}, ${words.serverCount(servers.length)}`,
    ),
    ...status.listeners,
    ...(status.alertsEnabled ? [] : [words.alertsOff]),
  ].join(' · ');
  put('tile-requests', `${count(status.requestsPerSecond)}/s`);
  put('tile-errors', percent(status.errorRate));
  $('tile-errors').classList.toggle('wrong', status.errorRate > 0);
  put('tile-p50', ms(status.p50Ms));
  put('tile-p99', ms(status.p99Ms));
  put('tile-inflight', count(status.inFlight));
  put('tile-tunnels', count(status.tunnels + status.streams));
  put('tile-clients', count(status.clientConnections));
  protection.show(status, nowMs);
  showCodes(status);
}

function put(id, text) {
  const element = $(id);
  if (element.textContent !== text) element.textContent = text;
}

function showCharts(some) {
  for (const { chart, columns } of some) chart.show(samples[0], columns(), minutes);
}

/** The theme's colours, for what the style sheet does not reach. */
function paintCharts() {
  const style = getComputedStyle(document.documentElement);
  const colours = Object.fromEntries(
    CHART_COLOURS.map((name) => [name, style.getPropertyValue(`--${name}`).trim()]),
  );
  for (const { chart } of charts) chart.paint(colours);
}

function showAlerts({ active, silentUntilMs }) {
  const nowMs = Date.now();
  $('alerts').hidden = active.length === 0;
  const items = active.map(({ name, subject, sinceMs, measured, outliers }) => {
    const item = document.createElement('li');
    const title = document.createElement('strong');
    title.textContent = subject === '' ? name : `${name} ${subject}`;
    const silenced = silentUntilMs > nowMs ? ` (${words.silenced})` : '';
    item.append(title, ` ${words.since(age(nowMs - sinceMs))}${silenced}: ${measured}`);
    if (outliers.length > 0) {
      const more = document.createElement('small');
      more.textContent = `${words.standsOut}: ${outliers.join('; ')}`;
      item.append(more);
    }
    return item;
  });
  replaceIfChanged($('alert-list'), items);
}

function showErrors({ errors, hits }) {
  $('no-errors').hidden = errors.length > 0;
  $('error-table').hidden = errors.length === 0;
  errorTable.show(errors, words);
  $('hits').hidden = hits.length === 0;
  hitTable.show(hits.slice(0, HITS_MAX), words);
}

function showCodes({ lastMinute }) {
  const codes = lastMinute.failures.slice(0, CODES_MAX);
  $('error-codes').hidden = codes.length === 0;
  put('error-codes', words.codes(codes.map((one) => `${one.code} ${count(one.count)}`).join(', ')));
}

/** What stays the same is left alone, so that a selection or a screen reader is not disturbed. */
function replaceIfChanged(parent, children) {
  const text = children.map((child) => child.textContent).join('\n');
  if (parent.dataset.text === text) return;
  parent.dataset.text = text;
  parent.replaceChildren(...children);
}

async function look() {
  if (isAsking || document.hidden || $('login').open) return;
  isAsking = true;
  try {
    const since = samples[0].at(-1) ?? 0;
    const [newStatus, history, alerts, errors] = await Promise.all([
      ask('status'),
      ask(`history?since=${since}`),
      ask('alerts'),
      ask(`errors?limit=${ERRORS_MAX}`),
    ]);
    status = newStatus;
    add(history.samples);
    $('trouble').hidden = true;
    $('logout').hidden = token.get() === '';
    show();
    showAlerts(alerts);
    showErrors(errors);
  } catch (error) {
    if (error instanceof TokenNeeded) login();
    else {
      $('trouble').textContent = words.unreachable;
      $('trouble').hidden = false;
    }
  } finally {
    isAsking = false;
  }
}

function add(more) {
  samples.forEach((column, at) => {
    column.push(...more[at]);
    if (column.length > SAMPLES_MAX) column.splice(0, column.length - SAMPLES_MAX);
  });
}

async function act(server, action) {
  const path = `servers/${encodeURIComponent(server)}/${action}`;
  try {
    try {
      await ask(path, 'POST');
    } catch (error) {
      if (error.code !== 'last_server') throw error;
      if (!confirm(words.lastOne(server))) return;
      await ask(`${path}?force=true`, 'POST');
    }
    $('said').textContent = words.done(server, words[action]);
  } catch (error) {
    $('said').textContent = words.failed(server, error.message);
    $('trouble').textContent = words.failed(server, error.message);
    $('trouble').hidden = false;
  }
  await look();
}

function login() {
  $('login-wrong').hidden = token.get() === '';
  token.clear();
  if (!$('login').open) $('login').showModal();
}

$('login-form').addEventListener('submit', (event) => {
  event.preventDefault();
  token.set($('token').value.trim());
  $('token').value = '';
  $('login').close();
  look();
});
// Without a token there is nothing to see: Escape does not close it.
$('login').addEventListener('cancel', (event) => event.preventDefault());
$('logout').addEventListener('click', () => {
  token.clear();
  location.reload();
});
$('language').addEventListener('click', () => {
  words = words === WORDS.zh ? WORDS.en : WORDS.zh;
  localStorage.setItem('openclaw-language', words === WORDS.zh ? 'zh' : 'en');
  translate();
});
$('theme').addEventListener('click', () => {
  const isDark = document.documentElement.dataset.theme
    ? document.documentElement.dataset.theme === 'dark'
    : matchMedia('(prefers-color-scheme: dark)').matches;
  setTheme(isDark ? 'light' : 'dark');
});
for (const button of document.querySelectorAll('[data-minutes]')) {
  button.addEventListener('click', () => setRange(Number(button.dataset.minutes)));
}
$('config').addEventListener('toggle', async () => {
  if (!$('config').open) return;
  try {
    $('config-text').textContent = JSON.stringify(await ask('config'), null, 2);
  } catch (error) {
    if (error instanceof TokenNeeded) login();
  }
});

function setRange(wanted) {
  minutes = wanted;
  for (const button of document.querySelectorAll('[data-minutes]')) {
    button.setAttribute('aria-pressed', String(Number(button.dataset.minutes) === wanted));
  }
  showCharts(charts);
}

function setTheme(theme) {
  document.documentElement.dataset.theme = theme;
  localStorage.setItem('openclaw-theme', theme);
  paintCharts();
}

/** A table that is laid out as cards loses its meaning for screen readers unless it is said. */
function sayRoles() {
  const roles = {
    table: 'table',
    'thead, tbody': 'rowgroup',
    'thead tr': 'row',
    'thead th': 'columnheader',
  };
  for (const [selector, role] of Object.entries(roles)) {
    for (const element of document.querySelectorAll(selector)) element.setAttribute('role', role);
  }
}

const chosen = localStorage.getItem('openclaw-theme');
if (chosen !== null) document.documentElement.dataset.theme = chosen;
matchMedia('(prefers-color-scheme: dark)').addEventListener('change', paintCharts);
document.addEventListener('visibilitychange', look);
// It scrolls, and so has to be reached by the keyboard.
$('config-text').tabIndex = 0;
sayRoles();
paintCharts();
translate();
look();
setInterval(look, EVERY_MS);
