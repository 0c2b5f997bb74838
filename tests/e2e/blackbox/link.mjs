// The wire between one client and the server, byte by byte: it can be cut, and it can fall silent on either way.
import net from 'node:net';
import { atEnd } from '../lib/harness.mjs';

/** What a link does: passes on; refuses and cuts off; takes what is said and passes nothing on; passes on and brings no answer back. */
export const MODES = ['open', 'cut', 'silent', 'deaf'];

export class Link {
  constructor(port) { Object.assign(this, { port, mode: 'open', pairs: new Set() }); }

  async start() {
    this.listener = net.createServer(near => this.#join(near));
    await new Promise(done => this.listener.listen(0, '127.0.0.1', done));
    this.url = `http://127.0.0.1:${this.listener.address().port}`;
    atEnd(() => this.end());
    return this;
  }

  end() {
    this.#drop();
    this.listener.close();
  }

  /** From now on. What fell silent stays so: whoever waits on it has to give it up. */
  set(mode) {
    this.mode = mode;
    if (mode === 'cut') this.#drop();
  }

  /** As good as new: what hangs is cut off. */
  mend() {
    this.#drop();
    this.mode = 'open';
  }

  #drop() {
    for (const pair of this.pairs) pair.forEach(socket => socket.destroy());
    this.pairs.clear();
  }

  #join(near) {
    if (this.mode === 'cut') return void near.destroy();
    const far = net.connect(this.port, '127.0.0.1');
    const pair = [near, far];
    this.pairs.add(pair);
    for (const socket of pair) {
      socket.on('error', () => {});
      socket.on('close', () => { pair.forEach(one => one.destroy()); this.pairs.delete(pair); });
    }
    near.on('data', piece => this.mode !== 'silent' && far.write(piece));
    far.on('data', piece => this.mode === 'open' && near.write(piece));
  }
}
