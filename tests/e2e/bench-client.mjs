// Libraries for records in a browser, side by side: the same records, the same Chromium, each with its own server, in turns. What is
// measured is what a program gets of each, not a layer of it. `./x bench client`; docs/benchmarks.md tells how to add another.
// PEERS, ROUNDS and SIZES choose a part of it.
import fs from 'node:fs';
import http from 'node:http';
import os from 'node:os';
import path from 'node:path';
import zlib from 'node:zlib';
import { execFileSync, spawn } from 'node:child_process';
import { randomBytes, createHmac } from 'node:crypto';
import readline from 'node:readline';
import { chromium } from 'playwright-core';
import { atEnd, check, end, need, root, scratch } from './lib/harness.mjs';
import { Person, addPeople } from './lib/members.mjs';
import { Server, freePort } from './lib/server.mjs';

const ROUNDS = Number(process.env.ROUNDS ?? 3);
const SIZES = (process.env.SIZES ?? '10000,100000').split(',').map(Number);
const PEERS = (process.env.PEERS ?? 'mooring,triplit,rxdb,pouchdb,dexie,bare').split(',');
const SINGLES = 200;
const EDITS = 60;
const args = ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking', '--disable-component-update', '--disable-sync'];
const folder = path.join(root, 'tests/bench/client');
const at = (list, part) => [...list].sort((a, b) => a - b)[Math.floor((list.length - 1) * part)];
const local = peer => peer === 'bare' || peer === 'dexie';

if (!fs.existsSync(path.join(folder, 'node_modules/.package-lock.json'))) execFileSync('npm', ['ci', '--legacy-peer-deps', '--no-audit', '--no-fund'], { cwd: folder, stdio: 'inherit' });
// Mooring as a program gets it: from its package
const mooring = path.join(scratch, 'package');
if (PEERS.includes('mooring')) {
  fs.mkdirSync(mooring);
  execFileSync('tar', ['xzf', need('MOORING_PACKAGE'), '--strip-components=1', '-C', mooring]);
}
const { build } = await import(path.join(folder, 'node_modules/esbuild/lib/main.js'));
const built = path.join(scratch, 'built');
await build({ entryPoints: PEERS.filter(peer => peer !== 'mooring').map(peer => path.join(folder, `peers/${peer}.js`)), outdir: built, bundle: true, minify: true, format: 'esm', target: 'es2022', define: { global: 'globalThis', 'process.env.NODE_ENV': '"production"' }, logLevel: 'error' });

const sent = bytes => zlib.gzipSync(bytes, { level: 9 }).length;
const files = dir => fs.readdirSync(dir, { recursive: true, withFileTypes: true }).filter(entry => entry.isFile()).map(entry => path.join(entry.parentPath, entry.name));
const kilobytes = peer => Math.round((peer === 'mooring'
  ? files(mooring).filter(file => /\.(js|wasm)$/.test(file)).reduce((sum, file) => sum + sent(fs.readFileSync(file)), 0)
  : sent(fs.readFileSync(path.join(built, `${peer}.js`)))) / 1000);

/** The page's files and the library's server under one address; counts what the server sends. */
async function front(upstream) {
  const sockets = new Set();
  const agent = new http.Agent({ keepAlive: true, maxSockets: 64 });
  const counted = { closed: 0, get bytes() { return [...sockets].reduce((sum, socket) => sum + socket.bytesRead, this.closed); } };
  const watch = socket => {
    if (sockets.has(socket)) return;
    sockets.add(socket);
    socket.once('close', () => { if (sockets.delete(socket)) counted.closed += socket.bytesRead; });
  };
  const types = { '.html': 'text/html', '.js': 'text/javascript', '.mjs': 'text/javascript', '.wasm': 'application/wasm' };
  const forward = request => http.request({ host: '127.0.0.1', port: upstream, method: request.method, path: request.url, headers: request.headers, agent: request.headers.upgrade ? undefined : agent });
  const server = http.createServer((request, response) => {
    const { pathname } = new URL(request.url, 'http://localhost');
    const inside = pathname.startsWith('/bench/') && pathname.slice(7);
    if (inside) {
      const places = [path.join(folder, inside), path.join(scratch, inside)];
      const file = inside === 'built/mooring.js' ? path.join(folder, 'peers/mooring.js') : places.find(place => fs.existsSync(place));
      if (!file) return response.writeHead(404).end();
      return response.writeHead(200, { 'content-type': types[path.extname(file)] ?? 'application/octet-stream', 'cache-control': 'no-store' }).end(fs.readFileSync(file));
    }
    const onward = forward(request);
    onward.on('socket', watch);
    onward.on('response', answer => { response.writeHead(answer.statusCode, answer.headers); answer.pipe(response); });
    onward.on('error', () => response.destroy());
    response.on('close', () => onward.destroy());
    return request.pipe(onward);
  });
  server.on('upgrade', (request, socket, head) => {
    const onward = forward(request);
    onward.on('upgrade', (answer, other, rest) => {
      watch(other);
      const lines = Object.entries(answer.headers).map(([name, value]) => `${name}: ${value}`);
      socket.write(`HTTP/1.1 101 Switching Protocols\r\n${lines.join('\r\n')}\r\n\r\n`);
      socket.write(rest);
      other.write(head);
      other.pipe(socket).pipe(other);
      for (const each of [socket, other]) each.on('error', () => { socket.destroy(); other.destroy(); });
    });
    onward.on('error', () => socket.destroy());
    onward.end();
  });
  const port = await freePort();
  await new Promise(ready => server.listen(port, '127.0.0.1', ready));
  return { url: `http://127.0.0.1:${port}`, counted, close() { server.closeAllConnections(); server.close(); agent.destroy(); } };
}

const secret = randomBytes(32).toString('hex');
const part = value => Buffer.from(JSON.stringify(value)).toString('base64url');
/** What Triplit's server takes as a signature of its project. */
function token() {
  const text = `${part({ alg: 'HS256', typ: 'JWT' })}.${part({ 'x-triplit-token-type': 'secret', 'x-triplit-project-id': 'bench', iat: Math.floor(Date.now() / 1000) })}`;
  return `${text}.${createHmac('sha256', secret).update(text).digest('base64url')}`;
}

/** The library's server in a process and a folder of its own, and the address of the page. */
async function stage(peer) {
  const data = fs.mkdtempSync(path.join(scratch, `${peer}-`));
  const port = await freePort();
  let stop = async () => {};
  let given = {};
  if (peer === 'mooring') {
    const server = new Server(['--data', data], port);
    addPeople(server, { bench: 'Bench' });
    await server.start();
    const person = await Person.signIn(server, 'bench');
    await person.workspace('Bench');
    given = { token: person.token };
    stop = () => server.kill();
  } else if (!local(peer)) {
    const child = spawn('node', ['--max-old-space-size=6000', path.join(folder, `servers/${peer}.mjs`), String(port), data, secret], { stdio: ['ignore', 'pipe', 'inherit'] });
    const gone = new Promise(done => child.once('exit', done));
    atEnd(() => child.exitCode === null && child.kill('SIGKILL'));
    await new Promise((ready, refuse) => {
      readline.createInterface({ input: child.stdout }).on('line', line => line.includes('ready') && ready());
      gone.then(code => refuse(new Error(`the server of ${peer} ended with ${code}`)));
    });
    stop = async () => { child.kill('SIGKILL'); await gone; };
  }
  const { url, counted, close } = await front(port);
  return { peer, counted, options: { url, ...given }, async stop() { close(); await stop(); fs.rmSync(data, { recursive: true, force: true }); } };
}

let profiles = 0;
/** A browser with a profile of its own (an incognito one keeps IndexedDB in memory), or one that was there before. */
async function browser(stage, profile = path.join(scratch, `profile-${profiles++}`)) {
  const context = await chromium.launchPersistentContext(profile, { executablePath: need('MOORING_CHROMIUM'), headless: true, args });
  const page = await context.newPage();
  page.on('pageerror', error => console.log(`${stage.peer}: ${error.message}`));
  if (stage.peer === 'triplit') await page.addInitScript(text => { window.token = text; }, token());
  await page.goto(`${stage.options.url}/bench/page.html?peer=${stage.peer}`);
  await page.waitForFunction(() => window.ready, null, { timeout: 60_000 });
  const bench = (name, ...given) => page.evaluate(([name, given]) => window.bench[name](...given), [name, given]);
  return { profile, bench, page, close: () => context.close() };
}

/** Waits until nothing has come from the server for half a second: what one client still fetches is not the next one's. */
async function quiet(counted) {
  for (let before, turn = 0; turn < 60 && before !== counted.bytes; turn += 1) {
    before = counted.bytes;
    await new Promise(later => setTimeout(later, 500));
  }
}

const all = Object.fromEntries(PEERS.map(peer => [peer, {}]));
const note = (peer, key, value) => (all[peer][key] ??= []).push(value);

/** Everything that is measured with so many records, once. */
async function round(peer, size) {
  const here = await stage(peer);
  const { options } = here;
  try {
    const a = await browser(here);
    await a.bench('open', 'a', options);
    if (size === SIZES[0]) note(peer, 'singles_per_s', (SINGLES * 1000) / (await a.bench('singles', SINGLES, 0)));
    await a.close();
    const first = await browser(here);
    await first.bench('open', 'b', options);
    const bulk = await first.bench('bulk', size);
    note(peer, `bulk_${size}_per_s`, (size * 1000) / bulk);
    if (!local(peer)) {
      note(peer, `push_${size}_s`, (await first.bench('push', options.url, size)) / 1000);
      await quiet(here.counted);
      const before = here.counted.bytes;
      const second = await browser(here);
      note(peer, `first_sync_${size}_s`, (await second.bench('first', 'c', options, size)) / 1000);
      note(peer, `wire_${size}_kb`, (here.counted.bytes - before) / 1000);
      if (size === SIZES[0]) {
        await second.bench('listen');
        for (let edit = 0; edit < EDITS; edit += 1) {
          const began = await first.bench('edit', 'r0000000', `edit ${edit}`);
          const heard = await second.page.waitForFunction(text => window.heard.find(([, phone]) => phone === text)?.[0], `edit ${edit}`, { polling: 5, timeout: 60_000 });
          note(peer, 'edit_ms', (await heard.jsonValue()) - began);
          // each edit by itself: what is pushed together is not what a person does
          await new Promise(later => setTimeout(later, 50));
        }
      }
      await second.close();
    }
    await first.close();
    const again = await browser(here, first.profile);
    note(peer, `cold_page_${size}_ms`, await again.bench('cold', 'b', options, size));
    await again.close();
    fs.rmSync(first.profile, { recursive: true, force: true });
  } finally {
    await here.stop();
  }
}

for (const size of SIZES) {
  // the large ones once: some need minutes
  for (let turn = 0; turn < (size > 20_000 ? 1 : ROUNDS); turn += 1) {
    for (const peer of PEERS) await check(`${peer}: ${size.toLocaleString('en')} records, round ${turn + 1}`, () => round(peer, size));
  }
}

const out = { what: `records of 384 bytes; load ${os.loadavg()[0].toFixed(1)} on ${os.cpus().length} cores`, rounds: ROUNDS, peers: {} };
for (const peer of PEERS) {
  const { edit_ms: edits = [], ...rest } = all[peer];
  const figures = { sent_kb: kilobytes(peer) };
  // the best and the middle one: what disturbs only ever makes slower
  for (const [key, list] of Object.entries(rest)) figures[key] = { best: Number((key.endsWith('per_s') ? Math.max(...list) : Math.min(...list)).toFixed(3)), median: Number(at(list, 0.5).toFixed(3)) };
  if (edits.length > 0) figures.edit_to_other_ms = { p50: Number(at(edits, 0.5).toFixed(1)), p95: Number(at(edits, 0.95).toFixed(1)) };
  out.peers[peer] = figures;
}
const ours = out.peers.mooring;
const others = Object.entries(out.peers).filter(([peer]) => peer !== 'mooring' && !local(peer)).map(([, figures]) => figures);
/** How many times as good as the best of the others. */
const lead = (read, least) => {
  const theirs = others.map(read).filter(value => value !== undefined);
  const mine = ours && read(ours);
  if (theirs.length === 0 || mine === undefined) return undefined;
  return Number((least ? Math.min(...theirs) / mine : mine / Math.max(...theirs)).toFixed(2));
};
if (ours) {
  const bare = out.peers.bare;
  const of_bare = key => bare?.[key] && Number((ours[key].median / bare[key].median).toFixed(2));
  const [small, large] = SIZES;
  Object.assign(out, {
    single_ratio: of_bare('singles_per_s'),
    bulk_ratio: of_bare(`bulk_${small}_per_s`),
    push_10k_ratio: lead(({ [`push_${small}_s`]: found }) => found?.median, true),
    first_sync_10k_ratio: lead(({ [`first_sync_${small}_s`]: found }) => found?.median, true),
    push_100k_ratio: lead(({ [`push_${large}_s`]: found }) => found?.median, true),
    first_sync_100k_ratio: lead(({ [`first_sync_${large}_s`]: found }) => found?.median, true),
    push_growth: large && ours[`push_${large}_s`] && Number((ours[`push_${large}_s`].median / ours[`push_${small}_s`].median).toFixed(2)),
    propagation_ratio: lead(({ edit_to_other_ms: found }) => found?.p50, true),
    cold_page_ratio: out.peers.rxdb?.[`cold_page_${small}_ms`] && Number((out.peers.rxdb[`cold_page_${small}_ms`].median / ours[`cold_page_${small}_ms`].median).toFixed(2)),
    wire_ratio: ours[`wire_${small}_kb`] && Number((ours[`wire_${small}_kb`].median / (small * 0.384)).toFixed(3)),
    package_kb: ours.sent_kb,
  });
}
const json = process.env.MOORING_BENCH_JSON ?? path.join(root, 'target/bench/client.json');
fs.mkdirSync(path.dirname(json), { recursive: true });
fs.writeFileSync(json, `${JSON.stringify(out, null, 2)}\n`);
console.log(JSON.stringify(out, null, 2));
await end();
