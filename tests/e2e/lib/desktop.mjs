// The desktop around the window: a bus of messages with a bar and notifications, and what a window manager asks of a window.
import { spawn } from 'node:child_process';
import path from 'node:path';
import readline from 'node:readline';
import { atEnd, need } from './harness.mjs';

/** A bus of messages of its own; its address. */
export async function bus() {
  const daemon = spawn('dbus-daemon', ['--session', '--nofork', '--print-address'], { stdio: ['ignore', 'pipe', 'inherit'] });
  atEnd(() => daemon.kill('SIGKILL'));
  const [address] = await new Promise((done, refuse) => {
    readline.createInterface({ input: daemon.stdout }).once('line', line => done([line]));
    daemon.once('error', refuse);
  });
  return address;
}

/** `src-tauri/examples/desktop_peer.rs` on an X server and a bus. */
export class Peer {
  static async start(display, address) {
    const program = path.join(path.dirname(need('MOORING_XTASK')), 'examples/desktop_peer');
    const child = spawn(program, [], { stdio: ['pipe', 'pipe', 'inherit'], env: { ...process.env, DISPLAY: display, DBUS_SESSION_BUS_ADDRESS: address } });
    atEnd(() => child.kill('SIGKILL'));
    const lines = readline.createInterface({ input: child.stdout })[Symbol.asyncIterator]();
    const peer = Object.assign(new Peer(), { child, lines });
    await peer.#answer();
    return peer;
  }

  async #answer() {
    const { value, done } = await this.lines.next();
    if (done) throw new Error('the desktop’s peer has ended');
    const answer = JSON.parse(value);
    if (answer.error) throw new Error(answer.error);
    return answer;
  }

  async ask(command) {
    this.child.stdin.write(`${command}\n`);
    return this.#answer();
  }
  windows() { return this.ask('windows'); }
  /** As a click on the cross in the window's frame. */
  close() { return this.ask('close'); }
  place(x, y, width, height) { return this.ask(`move ${x} ${y} ${width} ${height}`); }
  /** `[{label, enabled}]` of the icon in the bar. */
  menu() { return this.ask('menu'); }
  choose(label) { return this.ask(`choose ${label}`); }
  notices() { return this.ask('notices'); }
  click(notice) { return this.ask(`click ${notice}`); }
}
