// The server's package on the system that it is for: what it brings, and that settings and data outlive what is done with it.
import { execFileSync, spawn, spawnSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import readline from 'node:readline';
import { Device } from './lib/api.mjs';
import { madeOf } from './lib/parts.mjs';
import { atEnd, check, end, equal, need, root, scratch, truthy } from './lib/harness.mjs';
import { freePort } from './lib/server.mjs';

const file = need('MOORING_SERVER_PACKAGE');
const run = (name, ...args) => execFileSync(name, args, { encoding: 'utf8' });
const content = path.join(scratch, 'content');
run('dpkg-deb', '-x', file, content);
const inside = name => path.join(content, name);
const unit = fs.readFileSync(inside('usr/lib/systemd/system/mooring-server.service'), 'utf8');
const says = name => unit.match(new RegExp(`^${name}=(.+)$`, 'm'))[1];
const [, version] = fs.readFileSync(path.join(root, 'Cargo.toml'), 'utf8').match(/^version = "(.+)"$/m);
const settings = '/etc/mooring/server.toml';
const data = '/var/lib/mooring';

await check('it says what it is, what it needs is what it loads, and nothing in it is anybody else’s to write', async () => {
  const field = name => run('dpkg-deb', '-f', file, name).trim();
  equal([field('Package'), field('Version'), field('Architecture')], ['mooring-server', version, run('dpkg', '--print-architecture').trim()], 'what it is');
  truthy(/(^|, )libc6 \(>= /.test(field('Depends')), field('Depends'));
  equal(run('ldd', inside('usr/bin/mooring-server')).split('\n').filter(line => line.includes('not found')), [], 'libraries that are not there');
  const listed = run('dpkg-deb', '-c', file).trim().split('\n').map(line => line.split(/\s+/));
  equal(listed.filter(([, owner]) => owner !== 'root/root'), [], 'files of others than root');
  equal(listed.filter(([mode]) => !['drwxr-xr-x', '-rw-r--r--', '-rwxr-xr-x'].includes(mode)), [], 'modes');
  equal(run('dpkg-deb', '-I', file, 'conffiles'), `${settings}\n`, 'what an upgrade leaves as it is');
  const control = path.join(scratch, 'control');
  run('dpkg-deb', '-e', file, control);
  for (const script of ['postinst', 'prerm', 'postrm']) run('sh', '-n', path.join(control, script));
  for (const line of fs.readFileSync(path.join(control, 'md5sums'), 'utf8').trim().split('\n')) {
    const [sum, name] = line.split(/\s+/);
    equal(run('md5sum', inside(name)).split(' ')[0], sum, name);
  }
});

await check('it tells what it is made of, each part with its licence', async () => {
  madeOf(inside('usr/share/doc/mooring-server'), ['scylla', 'sled', 'tokio', 'yew', '@patternfly/patternfly']);
});

await check('it has the web application of this checkout', async () => {
  const names = folder => fs.readdirSync(folder, { recursive: true }).sort();
  equal(names(inside('usr/share/mooring-server/web')), names(need('MOORING_UI_DIST')), 'its files');
});

await check('each setting that its file names can be used, those that are left out too', async () => {
  const all = fs.readFileSync(inside('etc/mooring/server.toml'), 'utf8');
  const answer = text => {
    const own = path.join(scratch, 'server.toml');
    fs.writeFileSync(own, text.replaceAll('/usr/share', inside('usr/share')).replaceAll(data, path.join(scratch, 'data')));
    return spawnSync(inside('usr/bin/mooring-server'), ['check-config', '--config', own], { encoding: 'utf8' });
  };
  equal(answer(all).status, 0, 'as it comes');
  const leftOut = all.match(/^# [a-z-]+ = .+$/gm).map(line => line.slice(2));
  truthy(leftOut.length > 5, String(leftOut));
  // one by one they may lack what they go with, but never be nothing
  for (const line of leftOut) truthy(!/there is no setting|TOML/.test(answer(`${line}\n`).stderr), line);
  truthy(answer('no-such = true\n').stderr.includes('there is no setting'), 'what is nothing is told');
});

// a server that somebody runs here is nobody's to replace
const free = process.getuid() === 0 && ![settings, data, '/usr/bin/mooring-server'].some(fs.existsSync);
if (!free) console.log('not checked: installing it (that takes root, and a system without one)');
if (free) {
  const user = says('User');
  const had = spawnSync('getent', ['passwd', user]).status === 0;
  const dpkg = (...args) => execFileSync('apt-get', ['-y', '-qq', '-o', 'APT::Sandbox::User=root', '-o', 'DPkg::Lock::Timeout=120', ...args], { env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive' }, stdio: 'pipe', encoding: 'utf8' });
  atEnd(() => {
    spawnSync('dpkg', ['--purge', 'mooring-server']);
    fs.rmSync(data, { recursive: true, force: true });
    if (!had) spawnSync('deluser', ['--quiet', '--system', user]);
  });
  const port = await freePort();
  const url = `http://127.0.0.1:${port}`;
  // what systemd does with the unit, which does not run on every machine that tests this
  const as = command => ['setpriv', [`--reuid=${user}`, `--regid=${user}`, '--init-groups', ...command.split(' ')]];
  const admin = (command, input) => execFileSync(...as(`/usr/bin/mooring-server ${command} --config ${settings}`), { input: `${input ?? ''}\n`, encoding: 'utf8', cwd: '/' });
  let child;
  const start = async () => {
    execFileSync(...as(says('ExecStartPre')), { cwd: '/', stdio: 'pipe' });
    child = spawn(...as(says('ExecStart')), { cwd: '/', stdio: ['ignore', 'pipe', 'inherit'] });
    const own = child;
    atEnd(() => own.exitCode === null && own.signalCode === null && own.kill('SIGKILL'));
    const lines = readline.createInterface({ input: own.stdout });
    await new Promise((ready, refuse) => {
      lines.on('line', line => line.includes('listens') && ready());
      own.on('exit', code => refuse(new Error(`the server ended with ${code}`)));
    });
  };
  const stop = async () => {
    child.removeAllListeners('exit');
    const gone = new Promise(done => child.once('exit', done));
    child.kill('SIGTERM');
    await gone;
  };
  const mode = name => { const { mode, uid, gid } = fs.statSync(name); return [(mode & 0o777).toString(8), run('id', '-nu', uid).trim(), run('getent', 'group', String(gid)).split(':')[0]]; };
  const ann = { name: 'ann', password: 'harbour lights at four' };

  await check('installed, it has an account, and its settings and data are for that one alone', async () => {
    const said = dpkg('install', file);
    truthy(said.includes('systemctl enable --now mooring-server'), said);
    equal(mode(settings), ['640', 'root', user], settings);
    equal(mode(data), ['700', user, user], data);
    run('systemd-analyze', 'verify', '/usr/lib/systemd/system/mooring-server.service');
    fs.writeFileSync(settings, fs.readFileSync(settings, 'utf8').replace('127.0.0.1:8420', `127.0.0.1:${port}`));
  });

  await check('it runs as its unit says: people are added while it does, sign in, find the application, and are taken away', async () => {
    await start();
    equal((await fetch(`${url}/readyz`)).status, 200, 'ready');
    truthy((await (await fetch(url)).text()).includes('<title>Mooring'), 'the application');
    admin('user add --name Ann ann', ann.password);
    const id = admin('workspace add --owner ann Harbour').match(/[0-9a-f-]{36}/)[0];
    admin('user add --name Ben ben', ann.password);
    admin(`member set ${id} ben editor`);
    const ben = await new Device(url).signIn({ ...ann, name: 'ben' }, 'Harbour');
    await ben.insert('_people', ben.user.id, { name: 'Ben' });
    const device = await new Device(url).signIn(ann, 'Harbour');
    await device.define('boats', 'Boats', [['name', 'text']]);
    await device.insert('boats', 'tern', { name: 'Tern' });
    truthy(admin('user erase ben --yes').includes('their name is out of “Harbour”'), 'Ben is taken away');
    equal((await device.records())._people[JSON.stringify(ben.user.id)], { name: 'Former member' }, 'what others read of Ben');
    equal(await ben.records().catch(error => /401/.test(error.message)), true, 'Ben is signed out');
    equal(fs.readdirSync(data).filter(name => mode(path.join(data, name))[1] !== user), [], 'files of others');
  });

  const goesOn = async () => {
    await start();
    equal((await (await new Device(url).signIn(ann, 'Harbour')).records()).boats, { '"tern"': { name: 'Tern' } }, 'the records');
    await stop();
  };

  await check('an upgrade leaves what was set, and the data', async () => {
    await stop();
    const set = fs.readFileSync(settings, 'utf8');
    truthy(!dpkg('install', '--reinstall', file).includes('enable --now'), 'nobody is told to begin');
    equal(fs.readFileSync(settings, 'utf8'), set, settings);
    equal(mode(settings), ['640', 'root', user], settings);
    await goesOn();
  });

  await check('removed, it leaves settings and data; purged, the data, and says where', async () => {
    dpkg('remove', 'mooring-server');
    equal(['/usr/bin/mooring-server', settings, data].map(fs.existsSync), [false, true, true], 'removed');
    dpkg('install', file);
    await goesOn();
    truthy(dpkg('purge', 'mooring-server').includes(`the data stays in ${data}`), 'what it says');
    equal(['/usr/bin/mooring-server', settings, data].map(fs.existsSync), [false, false, true], 'purged');
  });
}

await end();
