// The command line, as a script and as a person at a terminal use it: a real server, real folders, real processes.
import fs from 'node:fs';
import path from 'node:path';
import readline from 'node:readline';
import { spawn } from 'node:child_process';
import { atEnd, check, end, equal, need, scratch, truthy, until } from './lib/harness.mjs';
import { Keyring, bus } from './lib/desktop.mjs';
import { Person, addPeople, password } from './lib/members.mjs';
import { Server, freePort } from './lib/server.mjs';

const program = need('MOORING_CLI');
const server = new Server(['--data', path.join(scratch, 'server')], await freePort());
addPeople(server, { ann: 'Ann', bob: 'Bob' });
await server.start();
const ann = await Person.signIn(server, 'ann');
await ann.workspace('Harbour', { bob: 'editor' });

/** A device: a folder of its own. */
class Device {
  constructor(name, env = {}) { Object.assign(this, { folder: path.join(scratch, name), env }); }

  start(args) {
    return spawn(program, ['--folder', this.folder, ...args], { stdio: ['pipe', 'pipe', 'pipe'], env: { ...process.env, ...this.env } });
  }

  /** Runs a command to its end. */
  async run(args, input = '') {
    const child = this.start(args);
    child.stdin.on('error', () => {});
    child.stdin.end(input);
    const said = { out: '', error: '' };
    child.stdout.on('data', data => { said.out += data; });
    child.stderr.on('data', data => { said.error += data; });
    const code = await new Promise(done => child.once('close', done));
    return { code, ...said };
  }

  /** A command that must be done; its answer. */
  async done(args, input) {
    const { code, out, error } = await this.run(args, input);
    if (code !== 0) throw new Error(`${args.join(' ')}: ${code}: ${out}${error}`);
    return out;
  }

  async lines(args, input) {
    return (await this.done(['--json', ...args], input)).split('\n').filter(Boolean).map(line => JSON.parse(line));
  }

  /** A command that must fail with that code and such words. */
  async fails(code, words, args, input) {
    const said = await this.run(args, input);
    equal(said.code, code, `the exit code of ${args.join(' ')} (${said.out}${said.error})`);
    truthy(said.error.includes(words), `${args.join(' ')} says “${words}”: ${said.error}`);
  }
}

const one = new Device('one');
const other = new Device('other');

await check('before anything: what to do is told, with the exit code of it', async () => {
  await one.fails(5, 'mooring-cli login SERVER', ['collections']);
  await one.fails(2, 'unrecognized subcommand', ['fly']);
  equal((await one.run(['--help'])).code, 0, 'help');
  truthy((await one.done(['man'])).includes('.TH mooring-cli'), 'a manual page');
  const pages = path.join(scratch, 'pages');
  fs.mkdirSync(pages);
  await one.done(['man', pages]);
  for (const name of ['mooring-cli', 'mooring-cli-list', 'mooring-cli-use', 'mooring-cli-reviews-resolve']) {
    truthy(fs.readFileSync(path.join(pages, `${name}.1`), 'utf8').includes(`.TH ${name} 1`), `a page of ${name}`);
  }
  truthy(!fs.existsSync(path.join(pages, 'mooring-cli-man.1')), 'none of what nobody types');
  truthy((await one.done(['completions', 'bash'])).includes('_mooring__cli()'), 'completions');
});

await check('on this device only: records without a server and without an account', async () => {
  const alone = new Device('alone');
  await alone.done(['new-workspace', 'Mine', '--local']);
  equal((await alone.done(['new-collection', 'Tools', '--field', 'Name', '--field', 'Price:decimal', '--field', 'Bought:date'])).trim(), 'tools', 'its name');
  await alone.done(['put', 'Tools', '1', 'Name=Hammer', 'Price=12.50']);
  equal(await alone.lines(['get', 'tools', '1']), [{ key: 1, fields: { name: 'Hammer', price: '12.50' } }], 'exactly as stored');
  truthy((await alone.done(['--sync', 'status'])).includes('On this device only'), 'it says so');
  // which workspace is meant from now on
  await alone.done(['new-workspace', 'Yours', '--local']);
  await alone.fails(3, 'There are: ', ['use', 'Sea']);
  await alone.done(['use', 'Mine']);
  equal((await alone.done(['list', 'Tools', '--count'])).trim(), '1', 'of the one that was named');
  await alone.done(['use', 'Yours']);
  await alone.fails(3, 'no collection “Tools”', ['list', 'Tools']);
  equal((await alone.done(['--workspace', 'Mine', 'list', 'Tools', '--count'])).trim(), '1', 'the command line counts more');
  truthy((await alone.done(['status'])).includes('commands are about “Yours”'), 'the status says it');
  equal((await alone.lines(['status']))[0].used?.name, 'Yours', 'for scripts, too');
  await alone.done(['use', '--none']);
  equal((await alone.lines(['status']))[0].used, null, 'none any more');
});

await check('sign-in with a password from standard input; a wrong one is told', async () => {
  await one.fails(5, '', ['login', server.url, '--name', 'ann', '--password-stdin'], 'wrong\n');
  truthy((await one.done(['login', server.url, '--name', 'ann', '--password-stdin'], `${password}\n`)).includes('Harbour'), 'the workspaces');
  await other.done(['login', server.url, '--name', 'bob', '--password-stdin'], `${password}\n`);
  await one.fails(3, 'There are: Harbour', ['--workspace', 'Sea', 'collections']);
  // the folder holds a token and records
  equal(fs.statSync(one.folder).mode & 0o777, 0o700, 'for its owner only');
});

await check('the token is in the key store of the system where there is one, else in a file, and that is told', async () => {
  const address = await bus();
  const keyring = await Keyring.start(address);
  const env = { DBUS_SESSION_BUS_ADDRESS: address, MOORING_KEY_STORE: '' };
  const inFile = () => JSON.parse(fs.readFileSync(path.join(desk.folder, 'session.json'), 'utf8')).token;
  const login = () => desk.done(['login', server.url, '--name', 'ann', '--password-stdin'], `${password}\n`);
  const desk = new Device('desk', env);
  await login();
  equal([inFile(), keyring.entries()], [null, 1], 'in the file, and in the key store');
  truthy((await desk.done(['--sync', 'doctor'])).includes('token: in this system\'s key store'), 'doctor says so');
  await desk.done(['logout']);
  equal([inFile(), keyring.entries()], [null, 0], 'after signing out');
  // as an earlier version left it, or a machine without a key store
  desk.env = { MOORING_KEY_STORE: 'off' };
  await login();
  truthy(inFile(), 'in the file');
  truthy((await desk.done(['doctor'])).includes('token: in a file'), 'doctor says so');
  desk.env = { ...env, DBUS_SESSION_BUS_ADDRESS: `unix:path=${scratch}/nobody` };
  truthy((await desk.done(['doctor'])).includes('token: in a file'), 'no bus is no reason to wait');
  desk.env = env;
  await desk.done(['status']);
  equal([inFile(), keyring.entries()], [null, 1], 'moved over by the next start');
  // one that does not answer: nothing hangs, and nothing is lost
  keyring.stall();
  truthy((await desk.run(['--timeout', '1', 'doctor'])).out.includes('WRONG  token'), 'doctor says so');
  keyring.goOn();
  await desk.done(['--sync', 'status']);
  // killed while it hung: the key store got what nobody waited for, or not
  await desk.done(['logout']);
  equal([inFile(), keyring.entries()], [null, 0], 'after signing out');
});

await check('put, patch, list, delete: every type of test, in order, to another device', async () => {
  await one.done(['--sync', 'new-collection', 'Boats', '--field', 'Name', '--field', 'Length:integer', '--field', 'Marks:tags']);
  const boats = [[1, 'Argo', 12, 'red'], [2, 'Beagle', 27, 'red,old'], [10, 'Calypso', 42, '']];
  for (const [key, name, length, marks] of boats) await one.done(['put', 'Boats', String(key), `Name=${name}`, `Length=${length}`, `Marks=${marks}`]);
  await one.done(['--sync', 'patch', 'boats', '2', 'length=28', 'Marks=']);
  equal(await other.lines(['--sync', 'get', 'Boats', '2']), [{ key: 2, fields: { length: 28, name: 'Beagle' } }], 'at the other device');
  const keys = async (...args) => (await other.lines(['list', 'Boats', ...args])).map(({ key }) => key);
  equal(await keys(), [1, 2, 10], 'all by key');
  equal(await keys('--sort', '-Length'), [10, 2, 1], 'the longest first');
  equal(await keys('--where', 'Length>12', '--where', 'Name^=b'), [2], 'both tests');
  equal(await keys('--where', 'Length<=12', '--where', 'Name=Calypso', '--any'), [1, 10], 'one of them');
  equal(await keys('--where', 'Marks~red'), [1], 'tags');
  equal(await keys('--where', 'Marks='), [2, 10], 'empty');
  equal(await keys('--search', 'ARG'), [1], 'search');
  equal(await keys('--offset', '1', '--limit', '1'), [2], 'a part');
  equal((await other.done(['list', 'Boats', '--count', '--where', '@key!=1'])).trim(), '2', 'a count');
  equal(await other.done(['list', 'Boats', '--fields', 'Name', '--limit', '1']), 'Key\tName\n1\tArgo\n', 'with tabs where nobody looks on');
  await other.fails(3, 'There are: Name, Length, Marks', ['list', 'Boats', '--where', 'Colour=red']);
  await other.fails(2, 'not a whole number', ['patch', 'Boats', '1', 'Length=long']);
  await other.fails(3, 'no record 7', ['patch', 'Boats', '7', 'Length=1']);
  await other.fails(3, 'Nothing was deleted', ['delete', 'Boats', '1', '7']);
  await other.done(['--sync', 'delete', 'Boats', '10']);
  await one.fails(3, 'no record 10', ['--sync', 'get', 'Boats', '10']);
});

await check('many lines in one step: all of them, or none', async () => {
  const lines = Array.from({ length: 2_000 }, (_, n) => JSON.stringify({ key: `B${n}`, fields: { Name: `boat ${n}`, Length: n } }));
  await one.fails(2, '', ['put', 'Boats', '--stdin'], [...lines.slice(0, 500), '{"key": "X", "fields": {"Length": "long"}}'].join('\n'));
  equal((await one.done(['list', 'Boats', '--count'])).trim(), '2', 'nothing of it');
  await one.done(['--sync', 'put', 'Boats', '--stdin'], lines.join('\n'));
  const all = await one.lines(['list', 'Boats']);
  equal(all.length, 2_002, 'all of it');
  // what is listed can be put again
  equal((await one.lines(['put', 'Boats', '--stdin'], all.map(line => JSON.stringify(line)).join('\n')))[0].saved.length, 2_002, 'a round trip');
  equal((await one.lines(['--sync', 'status']))[0].pending, 0, 'all judged');
});

await check('two who change the same: it needs review, both sides are told, and it is decided from here', async () => {
  await other.done(['--sync', 'status']);
  await one.done(['patch', 'Boats', '1', 'Name=Argo of Ann']);
  await other.done(['patch', 'Boats', '1', 'Name=Argo of Bob']);
  await one.done(['sync']);
  const late = await other.run(['--sync', 'patch', 'Boats', '1', 'Length=13']);
  equal(late.code, 7, `something needs review: ${late.out}${late.error}`);
  const [review] = await other.lines(['reviews', 'list']);
  const shown = await other.done(['reviews', 'show', review.id]);
  for (const words of ['Argo of Ann', 'Argo of Bob', 'before:  Argo', 'Ann,', 'Bob,']) truthy(shown.includes(words), `“${words}” in ${shown}`);
  await other.fails(2, 'needs a decision', ['reviews', 'resolve', review.id, '--set', 'Length=1']);
  await other.fails(2, 'required', ['reviews', 'resolve', review.id]);
  await other.done(['--sync', 'reviews', 'resolve', review.id, '--set', 'Name=Argo of both']);
  equal((await one.lines(['--sync', 'get', 'Boats', '1']))[0].fields, { length: 13, marks: ['red'], name: 'Argo of both' }, 'at the other device');
  await other.fails(6, 'settled already', ['reviews', 'resolve', review.id, '--keep']);
  const history = await one.done(['history', 'Boats', '1']);
  truthy(history.includes('Bob') && history.includes('Ann'), `who did it: ${history}`);
});

await check('files: import with a dry run and refused rows, export exactly as stored', async () => {
  const file = path.join(scratch, 'parts.csv');
  fs.writeFileSync(file, 'No,Part,Price\n1,Bolt,0.10\n2,Nut,1.10\n');
  await one.done(['import', file, '--new', 'Parts', '--key', 'No', '--dry-run']);
  await one.fails(3, 'no collection', ['get', 'Parts', '1']);
  equal((await one.lines(['import', file, '--new', 'Parts', '--key', 'No']))[0], { changed: 0, dry_run: false, left_out: 0, new: 2, refused: 0, same: 0 }, 'all new');
  equal((await one.lines(['import', file, '--into', 'Parts', '--key', 'No']))[0].same, 2, 'again: nothing new');
  fs.writeFileSync(file, 'No,Part,Price\n2,Nut,1.20\n3,Washer,cheap\n');
  const refused = path.join(scratch, 'refused.csv');
  await one.fails(6, 'cannot be imported', ['import', file, '--into', 'Parts', '--key', 'No', '--refused', refused]);
  truthy(fs.readFileSync(refused, 'utf8').includes('Washer'), 'the refused row to mend');
  await one.fails(3, 'no column', ['import', file, '--into', 'Parts', '--key', 'Number']);
  const exported = path.join(scratch, 'export.csv');
  await one.done(['export', 'Parts', '--output', exported]);
  truthy(/0\.10/.test(fs.readFileSync(exported, 'utf8')) && /1\.20/.test(fs.readFileSync(exported, 'utf8')), 'with its zeros');
  truthy((await one.done(['export', 'Parts', '--format', 'json'])).startsWith('['), 'JSON');
});

await check('without the network: saved, told, and sent by the next sync', async () => {
  await server.kill();
  await one.done(['put', 'Boats', '99', 'Name=Night']);
  await one.fails(4, 'safe on this device', ['sync']);
  await one.fails(4, '', ['history', 'Boats', '1']);
  truthy((await one.run(['doctor'])).out.includes('WRONG  in step'), 'the doctor says what is wrong');
  await server.start();
  await one.done(['sync']);
  equal((await other.lines(['--sync', 'get', 'Boats', '99']))[0].fields.name, 'Night', 'at the other device');
  const told = await one.run(['doctor']);
  equal(told.code, 0, `all is well: ${told.out}`);
});

await check('a service keeps in step and serves commands: they share its engine, and watch tells what changes', async () => {
  const service = one.start(['run']);
  atEnd(() => service.kill('SIGKILL'));
  await until('its socket is there', () => fs.existsSync(path.join(one.folder, 'socket')));
  equal(fs.statSync(path.join(one.folder, 'socket')).mode & 0o777, 0o600, 'for its owner only');
  await one.fails(6, 'running on this device already', ['run']);
  const follow = (...args) => {
    const watch = one.start(['watch', 'Boats', ...args]);
    atEnd(() => watch.kill('SIGKILL'));
    const told = [];
    readline.createInterface({ input: watch.stdout }).on('line', line => told.push(JSON.parse(line)));
    return { told, watch };
  };
  // it follows as soon as it has asked: what is put until then it hears by the server's verdict, or not at all
  let turn = 0;
  const put = () => one.done(['put', 'Boats', '100', `Length=${turn += 1}`]);
  const { told, watch } = follow();
  await until('it hears', async () => { await put(); return told.some(({ by }) => by === 'device'); });
  const heard = told.find(({ by }) => by === 'device');
  equal([heard.collection, heard.key], ['boats', 100], 'what it was');
  watch.kill('SIGKILL');
  const short = follow('--limit', '2');
  const ended = new Promise(done => short.watch.once('close', done));
  await until('it has told two', async () => { await put(); return short.watch.exitCode !== null; });
  equal([await ended, short.told.length], [0, 2], 'it ends when it was to');
  await until('what the other did is here without asking', async () => {
    await other.done(['--sync', 'put', 'Boats', '101', 'Name=From Bob']);
    return (await one.run(['get', 'Boats', '101'])).code === 0;
  });
  // eight at once, and nothing is lost
  await Promise.all(Array.from({ length: 8 }, (_, n) => one.done(['put', 'Boats', `at once ${n}`, `Length=${n}`])));
  equal((await one.done(['list', 'Boats', '--count', '--where', '@key^=at once'])).trim(), '8', 'all of them');
  service.kill('SIGKILL');
  await new Promise(done => service.once('close', done));
  equal((await one.done(['list', 'Boats', '--count', '--where', '@key^=at once'])).trim(), '8', 'after it was killed, by an engine of its own');
  const again = one.start(['run']);
  atEnd(() => again.kill('SIGKILL'));
  await new Promise(done => readline.createInterface({ input: again.stderr }).once('line', done));
  truthy((await one.run(['doctor'])).out.includes('in the program that is running'), 'a new one takes the folder');
  again.kill('SIGTERM');
  equal(await new Promise(done => again.once('close', done)), 0, 'it ends when it is told to');
});

await check('sign-out: what is unsent is asked about', async () => {
  await server.kill();
  await one.done(['put', 'Boats', 'unsent', 'Name=Unsent']);
  await one.fails(6, '--unsent', ['logout']);
  await one.done(['logout', '--unsent', 'discard']);
  await one.fails(5, 'Nobody is signed in', ['get', 'Boats', '1']);
});

await end();
