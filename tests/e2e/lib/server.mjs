// A real server as a child process, on sled or on Cassandra.
import { spawn, execFileSync } from 'node:child_process';
import net from 'node:net';
import path from 'node:path';
import readline from 'node:readline';
import { Device } from './api.mjs';
import { atEnd, need, root, scratch } from './harness.mjs';

export async function freePort() {
  const server = net.createServer();
  await new Promise(done => server.listen(0, '127.0.0.1', done));
  const { port } = server.address();
  await new Promise(done => server.close(done));
  return port;
}

export class Server {
  /**
   * `store`: arguments that name the store; `web`: the folder of the app; `more`: arguments of a server that serves. The port
   * stays the same over restarts.
   */
  constructor(store, port, web, more = []) { Object.assign(this, { store, port, web, more, url: `http://127.0.0.1:${port}` }); }

  async start() {
    const args = ['serve', '--listen', `127.0.0.1:${this.port}`, ...this.store, '--web', this.web ?? need('MOORING_UI_DIST'), '--demo', ...this.more];
    this.child = spawn(need('MOORING_SERVER'), args, { stdio: ['ignore', 'pipe', 'inherit'], env: { ...process.env, MOORING_LOG: process.env.MOORING_LOG ?? 'warn' } });
    const child = this.child;
    atEnd(() => child.exitCode === null && child.signalCode === null && child.kill('SIGKILL'));
    const lines = readline.createInterface({ input: child.stdout });
    await new Promise((ready, refuse) => {
      lines.on('line', line => line.includes('listens') && ready());
      child.on('exit', code => refuse(new Error(`the server ended with ${code}`)));
    });
    return this;
  }

  async kill(signal = 'SIGKILL') {
    const gone = new Promise(done => this.child.once('exit', done));
    this.child.removeAllListeners('exit');
    const exited = new Promise(done => this.child.once('exit', done));
    this.child.kill(signal);
    await Promise.race([gone, exited]);
  }

  /** Every live record of the sample workspace as the server has it, per collection: `{collection: {key text: fields}}`. */
  async records() {
    const device = await new Device(this.url).signIn();
    return device.records();
  }

  /** What whoever runs the server does from the command line, while it does not run. `input`: a password. */
  administer(args, input) {
    return execFileSync(need('MOORING_SERVER'), [...args, ...this.store], { input: `${input ?? ''}\n`, encoding: 'utf8' }).trim();
  }
}

export async function onSled(web, more) {
  return new Server(['--data', path.join(scratch, 'server')], await freePort(), web, more);
}

/** An own Cassandra node with the server on it. */
export async function onCassandra() {
  const dir = path.join(scratch, 'cassandra');
  const [port, storage] = [await freePort(), await freePort()];
  const xtask = (...args) => execFileSync(need('MOORING_XTASK'), ['cassandra', ...args, '--dir', dir], { cwd: root, stdio: 'inherit' });
  atEnd(() => xtask('down'));
  xtask('up', '--port', String(port), '--storage-port', String(storage));
  const server = new Server(['--cassandra', `127.0.0.1:${port}`, '--keyspace', 'mooring'], await freePort());
  server.cassandraPort = port;
  return server;
}
