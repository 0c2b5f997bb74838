// Single edits in a real Chromium: awaited durable inserts beside bare IndexedDB with strict durability, the time until another
// browser hears of an edit, and a push of many. The engine runs in the app's own worker, asked as a page asks it, without screens.
// `node tests/e2e/bench-singles.mjs`; figures in $MOORING_BENCH_JSON or target/bench.
import fs from 'node:fs';
import path from 'node:path';
import { chromium } from 'playwright-core';
import { atEnd, end, need, root, scratch } from './lib/harness.mjs';
import { onSled } from './lib/server.mjs';

const ROUNDS = Number(process.env.ROUNDS ?? 5);
const SINGLES = 200;
const EDITS = 100;
const PUSHES = (process.env.PUSHES ?? '10000').split(',').filter(Boolean).map(Number);
const args = ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking', '--disable-component-update', '--disable-sync'];
const at = (list, part) => [...list].sort((a, b) => a - b)[Math.floor((list.length - 1) * part)];

/** What each page gets: the engine's worker, a way to ask it, and a bare loop. */
function prepare(script) {
  const engine = new Worker(script, { type: 'module' });
  const waiting = new Map();
  const heard = [];
  let next = 1;
  window.now = () => performance.timeOrigin + performance.now();
  window.heard = heard;
  engine.onmessage = ({ data }) => {
    const { answer, event } = JSON.parse(data);
    if (answer) {
      window.last = data;
      waiting.get(answer.id)?.(answer.result);
      waiting.delete(answer.id);
    } else if (event) heard.push([window.now(), event.event]);
  };
  window.ask = (command, mend = text => text) => new Promise((resolve, reject) => {
    const id = next++;
    waiting.set(id, ({ Ok, Err }) => (Err ? reject(new Error(JSON.stringify(Err))) : resolve(Ok)));
    engine.postMessage(mend(JSON.stringify({ id, command })));
  });
  window.told = async () => (await window.ask('status')).status;
  window.quiet = async () => {
    for (;;) {
      const { pending, verified, phase } = await window.told();
      if (pending === 0 && verified && phase === 'idle') return;
      await new Promise(done => setTimeout(done, 20));
    }
  };
  window.fields = n => ({ name: `John Doe ${n}`, email: `john${n}@example.com`, phone: `+1-555-${String(n).padStart(7, '0')}`, notes: `lorem ipsum dolor sit amet ${n} `.repeat(6).slice(0, 150) });
  window.inserts = async (count) => {
    const start = performance.now();
    for (let n = 0; n < count; n++) await window.ask({ insert: { collection: 'singles', key: null, fields: window.fields(n) } });
    return performance.now() - start;
  };
  window.bare = async (count) => {
    window.database ??= await new Promise((resolve, reject) => {
      const request = indexedDB.open('bare', 1);
      request.onupgradeneeded = () => request.result.createObjectStore('records');
      request.onsuccess = () => resolve(request.result);
      request.onerror = () => reject(request.error);
    });
    const start = performance.now();
    for (let n = 0; n < count; n++) {
      await new Promise((resolve, reject) => {
        const transaction = window.database.transaction('records', 'readwrite', { durability: 'strict' });
        transaction.objectStore('records').put(window.fields(n), crypto.randomUUID());
        transaction.oncomplete = resolve;
        transaction.onabort = () => reject(transaction.error);
      });
    }
    return performance.now() - start;
  };
}

const server = await (await onSled()).start();
atEnd(() => server.kill());
const assets = fs.readdirSync(path.join(server.web ?? need('MOORING_UI_DIST'), 'assets'));
const script = `/assets/${assets.find(name => /^worker-.*\.js$/.test(name))}`;

async function device(name) {
  const context = await chromium.launchPersistentContext(path.join(scratch, name), { executablePath: process.env.MOORING_CHROMIUM ?? '/usr/bin/chromium', headless: true, args });
  atEnd(() => context.close());
  const page = await context.newPage();
  // the app's page and what it may load, without the app
  await context.route('**/boot-*.js', route => route.abort());
  await page.goto(server.url);
  await page.evaluate(prepare, script);
  await page.evaluate(async () => {
    const { session } = await window.ask('sign_in_demo');
    await window.ask({ open: { workspace: session.workspaces[0].id } });
  });
  return { context, page };
}

const field = (name, position) => ({ name, label: name, type: 'text', options: [], policy: null, position });
const a = await device('a');
await a.page.evaluate(async (fields) => { await window.ask({ new_collection: { label: 'Singles', fields } }); await window.quiet(); }, ['name', 'email', 'phone', 'notes'].map(field));
const b = await device('b');
await b.page.evaluate(() => window.quiet());

const rates = { bare: [], online: [], offline: [] };
for (let round = 0; round < ROUNDS; round++) {
  for (const kind of ['bare', 'online', 'offline']) {
    const ms = await a.page.evaluate(async ([kind, count]) => {
      if (kind === 'offline') await window.ask({ network: { online: false } });
      await new Promise(done => setTimeout(done, 300));
      const ms = kind === 'bare' ? await window.bare(count) : await window.inserts(count);
      if (kind === 'offline') await window.ask({ network: { online: true } });
      if (kind !== 'bare') await window.quiet();
      return ms;
    }, [kind, SINGLES]);
    rates[kind].push((SINGLES * 1000) / ms);
  }
}
await b.page.evaluate(() => window.quiet());

// an edit here until the other browser's page hears of it; both clocks are this machine's
const times = [];
const saved = [];
const id = await a.page.evaluate(async () => (await window.ask({ insert: { collection: 'singles', key: 1, fields: { name: 'x 0' } } })).saved.ids[0]);
for (let n = 0; n < EDITS; n++) {
  await Promise.all([a, b].map(({ page }) => page.evaluate(() => window.quiet())));
  await b.page.evaluate(() => { window.heard.length = 0; });
  const [began, ended] = await a.page.evaluate(async ([id, n]) => {
    const began = window.now();
    await window.ask({ edit: { id, fields: { name: { saw: `x ${n}`, want: `x ${n + 1}` } } } });
    return [began, window.now()];
  }, [id, n]);
  saved.push(ended - began);
  const heard = await b.page.evaluate(async () => {
    for (;;) {
      const found = window.heard.find(([, event]) => event.changed?.collections.includes('singles'));
      if (found) return found[0];
      await new Promise(done => setTimeout(done, 5));
    }
  });
  times.push(heard - began);
}

const figures = { rounds: ROUNDS, bare_strict_per_s: at(rates.bare, 0.5), inserts_online_per_s: at(rates.online, 0.5), inserts_offline_per_s: at(rates.offline, 0.5), edit_saved_p50_ms: at(saved, 0.5), edit_to_other_p50_ms: at(times, 0.5), edit_to_other_p95_ms: at(times, 0.95) };
figures.online_to_bare = figures.inserts_online_per_s / figures.bare_strict_per_s;
figures.offline_to_bare = figures.inserts_offline_per_s / figures.bare_strict_per_s;

// many that were made without a network, from the moment when it is there until all are acknowledged
await b.context.close();
for (const count of PUSHES) {
  figures[`push_${count}_s`] = await a.page.evaluate(async (count) => {
    await window.ask({ network: { online: false } });
    const lines = Array.from({ length: count }, (_, n) => Object.values(window.fields(n)).join(','));
    const text = `name,email,phone,notes\n${lines.join('\n')}\n`;
    const { preview } = await window.ask({ preview: { name: `Many${count}.csv`, text, plan: null } });
    // the file's number has more digits than a number of JavaScript: it goes back as it came
    const file = window.last.match(/"file":(\d+)/)[1];
    await window.ask({ import: { plan: { ...preview.plan, file: 'FILE' } } }, request => request.replace('"FILE"', file));
    const start = performance.now();
    await window.ask({ network: { online: true } });
    while ((await window.told()).pending > 0) await new Promise(done => setTimeout(done, 20));
    const took = performance.now() - start;
    await window.quiet();
    return took / 1000;
  }, count);
}
for (const [key, value] of Object.entries(figures)) figures[key] = Number(value.toFixed(2));
const out = process.env.MOORING_BENCH_JSON ?? path.join(root, 'target/bench/singles.json');
fs.mkdirSync(path.dirname(out), { recursive: true });
fs.writeFileSync(out, `${JSON.stringify(figures, null, 2)}\n`);
console.log(JSON.stringify(figures, null, 2));
await end();
