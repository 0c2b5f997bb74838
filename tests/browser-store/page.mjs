// Builds the module, serves it, and opens a real Chromium on it.
import { chromium } from 'playwright-core';
import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import http from 'node:http';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

const here = path.dirname(fileURLToPath(import.meta.url));
export const root = path.resolve(here, '../..');

const FLAGS = [
  '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking',
  '--disable-component-update', '--disable-sync',
];

const PAGE = `<!doctype html><title>browser-store</title><link rel="icon" href="data:,"><script type="module">
const waiting = new Map();
let worker;
let broken;
window.restart = () => {
  worker?.terminate();
  broken = undefined;
  worker = new Worker('worker.mjs', { type: 'module' });
  worker.onmessage = ({ data }) => waiting.get(data.id)(data);
  worker.onerror = (event) => {
    broken = event.message ?? 'the worker does not start';
    for (const answer of waiting.values()) answer({ error: broken });
  };
};
window.call = (name, ...args) => new Promise((resolve, reject) => {
  if (broken) throw new Error(broken);
  const id = Math.random();
  waiting.set(id, ({ value, error }) => {
    waiting.delete(id);
    if (error === undefined) resolve(value); else reject(new Error(error));
  });
  worker.postMessage({ id, name, args });
});
window.restart();
</script>`;

/** The folder of the built module; `built` names one that is there already. */
function build(built) {
  if (built) return built;
  const out = path.join(process.env.CARGO_TARGET_DIR ?? path.join(root, 'target'), 'browser-store');
  const { status } = spawnSync(path.join(root, 'x'), ['wasm-lib', 'browser-store', out], { cwd: root, stdio: ['ignore', 2, 2] });
  if (status !== 0) throw new Error('building the module failed');
  return out;
}

function serve(folder) {
  const types = { '.js': 'text/javascript', '.mjs': 'text/javascript', '.wasm': 'application/wasm' };
  const server = http.createServer((request, response) => {
    const name = path.basename(new URL(request.url, 'http://x').pathname);
    if (name === '' || request.url === '/') {
      response.writeHead(200, { 'content-type': 'text/html' }).end(PAGE);
      return;
    }
    const file = [path.join(here, name), path.join(folder, name)].find((f) => types[path.extname(f)] && fs.existsSync(f));
    if (!file) {
      response.writeHead(404).end();
      return;
    }
    response.writeHead(200, { 'content-type': types[path.extname(file)] }).end(fs.readFileSync(file));
  });
  return new Promise((resolve) => server.listen(0, '127.0.0.1', () => resolve(server)));
}

/** Runs `work({ page, context, origin, call })` in a fresh profile; everything is cleaned up afterwards. */
export async function inBrowser(work, built) {
  const server = await serve(build(built));
  const profile = fs.mkdtempSync(path.join(os.tmpdir(), 'browser-store-'));
  const executablePath = process.env.MOORING_CHROMIUM || '/usr/bin/chromium';
  const context = await chromium.launchPersistentContext(profile, { executablePath, headless: true, args: FLAGS });
  try {
    const origin = `http://127.0.0.1:${server.address().port}`;
    const page = await context.newPage();
    page.on('console', (message) => console.error(`browser: ${message.text()}`));
    await page.goto(`${origin}/`);
    await page.waitForFunction(() => window.call !== undefined);
    const call = (name, ...args) => page.evaluate(([name, args]) => window.call(name, ...args), [name, args]);
    return await work({ page, context, origin, call });
  } finally {
    await context.close();
    server.close();
    fs.rmSync(profile, { recursive: true, force: true });
  }
}
