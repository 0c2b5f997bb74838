// The npm package as other people's programs have it: packed, installed from the file, served under a strict policy.
import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import http from 'node:http';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { chromium } from 'playwright-core';
import { atEnd, need, root, scratch } from './harness.mjs';

const TYPES = { '.js': 'text/javascript', '.mjs': 'text/javascript', '.html': 'text/html', '.wasm': 'application/wasm' };

/** What a careful page allows: its own scripts, compiling WebAssembly, and Mooring's server. */
const policy = (server) =>
  `default-src 'none'; img-src data:; script-src 'self' 'wasm-unsafe-eval'; worker-src 'self'; connect-src 'self' ${server}; base-uri 'none'`;

const PAGE = '<!doctype html><title>program</title><link rel="icon" href="data:,"><script type="module" src="/program.js"></script>';
const PROGRAM = 'import * as mooring from "/node_modules/mooring/src/index.js"; globalThis.mooring = mooring;';

/** Packs the package and installs it from the file into a program's folder. Gives the folder. */
export function install() {
  execFileSync(need('MOORING_XTASK'), ['package'], { cwd: root, stdio: ['ignore', 2, 2] });
  const packed = path.join(process.env.CARGO_TARGET_DIR ?? path.join(root, 'target'), 'package');
  const file = fs.readdirSync(packed).find(name => name.endsWith('.tgz'));
  const folder = path.join(scratch, 'program');
  fs.mkdirSync(folder);
  fs.writeFileSync(path.join(folder, 'package.json'), '{"name":"program","private":true,"type":"module"}');
  execFileSync('npm', ['install', '--offline', '--no-audit', '--no-fund', '--ignore-scripts', path.join(packed, file)], { cwd: folder, stdio: ['ignore', 2, 2] });
  return folder;
}

/** What `import 'mooring'` (or another of its entries) gives a program of Node in that folder. */
export async function imported(folder, entry = 'mooring') {
  const program = path.join(folder, `${entry.replace('/', '-')}.mjs`);
  fs.writeFileSync(program, `export * from "${entry}";`);
  return import(pathToFileURL(program).href);
}

/** Compiles a program in TypeScript against the package's types; throws what the compiler says. */
export function compile(folder, text) {
  fs.writeFileSync(path.join(folder, 'program.ts'), text);
  const compilerOptions = { noEmit: true, strict: true, module: 'nodenext', target: 'es2022', lib: ['es2022', 'dom'], types: [] };
  fs.writeFileSync(path.join(folder, 'tsconfig.json'), JSON.stringify({ compilerOptions, files: ['program.ts'] }));
  const compiler = path.join(root, 'node_modules/typescript/bin/tsc');
  try { execFileSync('node', [compiler, '--project', folder], { cwd: folder, encoding: 'utf8' }); } catch (error) { throw new Error(error.stdout); }
}

/** Serves the folder; `allow(server)` sets whom its pages may speak to. */
export class Site {
  constructor(folder) { this.folder = folder; }

  async start() {
    const http_ = http.createServer((request, response) => this.#serve(request, response));
    await new Promise(done => http_.listen(0, '127.0.0.1', done));
    this.url = `http://127.0.0.1:${http_.address().port}`;
    atEnd(() => { http_.closeAllConnections(); http_.close(); });
    return this;
  }

  allow(server) { this.policy = policy(server); }

  #serve(request, response) {
    const { pathname } = new URL(request.url, this.url);
    const headers = { 'content-security-policy': this.policy, 'content-type': TYPES[path.extname(pathname)] ?? 'text/html' };
    const texts = { '/': PAGE, '/program.js': PROGRAM };
    if (texts[pathname]) return void response.writeHead(200, headers).end(texts[pathname]);
    const file = path.join(this.folder, path.normalize(pathname));
    if (!fs.existsSync(file)) return void response.writeHead(404).end();
    response.writeHead(200, headers).end(fs.readFileSync(file));
  }
}

/** A browser profile. */
export class Profile {
  static async start(name, site) {
    const args = ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking', '--disable-component-update', '--disable-sync'];
    const context = await chromium.launchPersistentContext(path.join(scratch, name), { executablePath: need('MOORING_CHROMIUM'), headless: true, args });
    atEnd(() => context.close());
    return Object.assign(new Profile(), { context, site, complaints: [] });
  }

  /** A page that has loaded the package. What it complains of is kept. */
  async tab() {
    const page = await this.context.newPage();
    page.on('console', message => message.type() === 'error' && this.complaints.push(message.text()));
    page.on('pageerror', error => this.complaints.push(String(error)));
    await page.goto(`${this.site.url}/`);
    await page.waitForFunction(() => globalThis.mooring !== undefined);
    return page;
  }

  /** A tab with an open workspace, which it calls `workspace`. */
  async opened(options) {
    const page = await this.tab();
    await page.evaluate(async options => { globalThis.workspace = await mooring.open(options); }, options);
    return page;
  }
}
