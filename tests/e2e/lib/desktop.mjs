// The desktop around the window: a bus of messages with a bar and notifications, and what a window manager asks of a window.
import { execFileSync, spawn } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import readline from 'node:readline';
import { atEnd, need, scratch, until } from './harness.mjs';

/** A bus of messages of its own, with nobody on it but who comes by himself; its address. */
export async function bus() {
  const config = path.join(fs.mkdtempSync(path.join(scratch, 'bus-')), 'bus.conf');
  fs.writeFileSync(config, `<busconfig><type>session</type><listen>unix:dir=${path.dirname(config)}</listen>
    <policy context="default"><allow send_destination="*" eavesdrop="true"/><allow eavesdrop="true"/><allow own="*"/></policy></busconfig>`);
  const daemon = spawn('dbus-daemon', [`--config-file=${config}`, '--nofork', '--print-address'], { stdio: ['ignore', 'pipe', 'inherit'] });
  atEnd(() => daemon.kill('SIGKILL'));
  const [address] = await new Promise((done, refuse) => {
    readline.createInterface({ input: daemon.stdout }).once('line', line => done([line]));
    daemon.once('error', refuse);
  });
  return address;
}

/** GNOME's key store, unlocked, on a bus: a real one, with its files in a folder of its own. */
export class Keyring {
  static async start(address) {
    const home = fs.mkdtempSync(path.join(scratch, 'keyring-'));
    const env = { ...process.env, HOME: home, XDG_DATA_HOME: home, XDG_RUNTIME_DIR: home, DBUS_SESSION_BUS_ADDRESS: address };
    const daemon = spawn('gnome-keyring-daemon', ['--foreground', '--unlock', '--components=secrets'], { env, stdio: ['pipe', 'ignore', 'ignore'] });
    atEnd(() => daemon.kill('SIGKILL'));
    daemon.stdin.end('the passphrase of a test');
    const keyring = Object.assign(new Keyring(), { address, daemon });
    await until('the key store', () => keyring.#ask('org.freedesktop.Secret.Service.ReadAlias', 'string:default').includes('/collection/'));
    return keyring;
  }
  #ask(method, ...args) {
    return execFileSync('dbus-send', [`--bus=${this.address}`, '--print-reply', '--dest=org.freedesktop.secrets', '/org/freedesktop/secrets', method, ...args], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });
  }
  /** How many entries of Mooring it has. */
  entries() { return this.#ask('org.freedesktop.Secret.Service.SearchItems', 'dict:string:string:service,Mooring').match(/object path/g)?.length ?? 0; }
  /** It no longer answers, and does not end. */
  stall() { this.daemon.kill('SIGSTOP'); }
  goOn() { this.daemon.kill('SIGCONT'); }
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
  /** Whether the desktop has a bar for icons. */
  bar(is) { return this.ask(`bar ${is ? 'on' : 'off'}`); }
  notices() { return this.ask('notices'); }
  click(notice) { return this.ask(`click ${notice}`); }
}
