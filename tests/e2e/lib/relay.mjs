// Stands between browsers and the server: counts what is under way, holds what a test wants held, and is slow on demand.
import http from 'node:http';
import { Transform } from 'node:stream';
import { setTimeout as later } from 'node:timers/promises';
import { atEnd } from './harness.mjs';

/** Where a script is that pages begin with. */
const FIRST = '/assets/first.js';

export class Relay {
  constructor(target) { Object.assign(this, { target: new URL(target), counts: new Map(), waiting: [], held: undefined }); }

  async start() {
    this.server = http.createServer((request, response) => this.#pass(request, response));
    await new Promise(done => this.server.listen(0, '127.0.0.1', done));
    this.url = `http://127.0.0.1:${this.server.address().port}`;
    atEnd(() => { this.server.closeAllConnections(); this.server.close(); });
    return this;
  }

  /** Takes the network away: what is under way is cut off, and nobody is answered. */
  cut() {
    const closed = new Promise(done => this.server.close(done));
    this.server.closeAllConnections();
    return closed;
  }
  /** Gives it back, at the same address. */
  mend() { return new Promise(done => this.server.listen(Number(new URL(this.url).port), '127.0.0.1', done)); }

  /** Requests of a kind (the last part of their address) under way now. */
  underWay(kind) { return this.counts.get(kind)?.now ?? 0; }
  /** The most of them at one time. */
  most(kind) { return this.counts.get(kind)?.most ?? 0; }

  /** From now on everything takes its time, as over a bad radio link: bytes per second each way, and milliseconds each way. */
  slow(down, up, delay) { this.link = { down, up, delay }; }
  /** As fast as it goes. */
  fast() { this.link = undefined; }

  /** Puts a script in front of every page's own. Its address is one that a service worker keeps. */
  first(script) { this.script = script; }

  /** From now on, requests of that kind wait. */
  hold(kind) { this.held = kind; }
  /** All that wait go on. */
  release() {
    this.held = undefined;
    for (const go of this.waiting.splice(0)) go();
  }

  async #pass(request, response) {
    const kind = request.url.split(/[?#]/)[0].split('/').at(-1);
    const count = this.counts.get(kind) ?? { now: 0, most: 0 };
    this.counts.set(kind, count);
    count.now += 1;
    count.most = Math.max(count.most, count.now);
    response.on('close', () => { count.now -= 1; });
    if (kind === this.held) await new Promise(go => this.waiting.push(go));
    const { hostname: host, port } = this.target;
    if (this.script && request.url === FIRST) return response.writeHead(200, { 'content-type': 'text/javascript' }).end(this.script);
    const { 'accept-encoding': encoding, ...headers } = request.headers;
    if (encoding && !this.script) headers['accept-encoding'] = encoding;
    const onward = http.request({ host, port, method: request.method, path: request.url, headers }, answer => {
      if (this.script && answer.headers['content-type']?.startsWith('text/html')) return this.#pageWithScript(answer, response).catch(() => response.destroy());
      response.writeHead(answer.statusCode, answer.headers);
      answer.pipe(this.#paced('down')).pipe(response);
    });
    onward.on('error', () => response.destroy());
    response.on('close', () => onward.destroy());
    request.pipe(this.#paced('up')).pipe(onward);
  }

  async #pageWithScript(answer, response) {
    const { 'content-length': _, ...headers } = answer.headers;
    const page = Buffer.concat(await answer.toArray()).toString();
    response.writeHead(answer.statusCode, headers).end(page.replace('<head>', `<head><script src="${FIRST}"></script>`));
  }

  /** Lets bytes pass as the link does at that moment. */
  #paced(way) {
    const link = this.link;
    let first = true;
    return new Transform({
      // small pieces: what is slow is to look slow at the other end too
      highWaterMark: 1_024,
      transform: async (piece, _encoding, passOn) => {
        if (link && first) await later(link.delay);
        first = false;
        if (link) await later(1_000 * piece.length / link[way]);
        passOn(null, piece);
      },
    });
  }
}
