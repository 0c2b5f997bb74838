// The desktop app's package: what it says of itself, what it brings, and that taking it away leaves a person's records.
import { execFileSync, spawnSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import * as act from './lib/actions.mjs';
import { madeOf } from './lib/parts.mjs';
import { check, end, equal, need, root, scratch, truthy, whenFailed } from './lib/harness.mjs';
import { Desktop, hook, picturesOf } from './lib/screens.mjs';
import { onSled } from './lib/server.mjs';

whenFailed(picturesOf);
const program = need('MOORING_DESKTOP');
const file = process.env.MOORING_DESKTOP_PACKAGE; // MOORING_DESKTOP alone: somebody's own build
if (!file) throw new Error('this suite is about the package: run it without MOORING_DESKTOP');

const run = (name, ...args) => execFileSync(name, args, { encoding: 'utf8' });
const content = path.join(scratch, 'content');
run('dpkg-deb', '-x', file, content);
const inside = name => path.join(content, name);
const [, version] = fs.readFileSync(path.join(root, 'Cargo.toml'), 'utf8').match(/^version = "(.+)"$/m);

await check('it says what it is, and what it needs is what it loads', async () => {
  const field = name => run('dpkg-deb', '-f', file, name).trim();
  equal(field('Package'), 'mooring', 'name');
  equal(field('Version'), version, 'version');
  equal(field('Architecture'), run('dpkg', '--print-architecture').trim(), 'architecture');
  truthy(field('Description').startsWith('Records that work without a network\n'), field('Description'));
  truthy(fs.readFileSync(inside('usr/share/doc/mooring/copyright'), 'utf8').includes('License: Apache-2.0'), 'the licence is named');
  const depends = field('Depends').split(', ');
  for (const library of ['libwebkit2gtk-4.1-0', 'libgtk-3-0', 'libssl3', 'libc6']) {
    // Ubuntu gave some of them another name when their times became 64 bits wide
    const named = [library, `${library}t64`].some(name => depends.some(one => one.startsWith(`${name} (>= `)));
    truthy(named, `a version of ${library} in: ${depends}`);
  }
  truthy(depends.includes('libayatana-appindicator3-1'), 'the library of the icon in the bar');
  const missing = run('ldd', inside('usr/bin/mooring')).split('\n').filter(line => line.includes('not found'));
  equal(missing, [], 'libraries that are not there');
  const scripts = run('sh', '-c', 'dpkg-deb --ctrl-tarfile "$0" | tar -t', file).split('\n').map(name => path.basename(name)).filter(Boolean);
  equal(scripts.filter(name => !['control', 'md5sums', '.'].includes(name)), [], 'scripts that run on a person’s machine');
});

await check('it tells what it is made of, each part with its licence', async () => {
  madeOf(inside('usr/share/doc/mooring'), ['tauri', 'sled', 'clap', 'yew', '@fontsource-variable/red-hat-text']);
});

await check('it is in the menu with its icon', async () => {
  const entry = inside('usr/share/applications/Mooring.desktop');
  run('desktop-file-validate', entry);
  const values = Object.fromEntries(fs.readFileSync(entry, 'utf8').split('\n').filter(line => line.includes('=')).map(line => line.split(/=(.*)/s)));
  equal([values.Name, values.Exec, values.Terminal], ['Mooring', 'mooring %U', 'false'], 'the entry');
  for (const kind of ['x-scheme-handler/mooring', 'text/csv', 'application/json', 'application/vnd.openxmlformats-officedocument.spreadsheetml.sheet']) truthy(values.MimeType.split(';').includes(kind), kind);
  for (const size of [32, 128, 256, 512]) {
    const icon = fs.readFileSync(inside(`usr/share/icons/hicolor/${size}x${size}/apps/${values.Icon}.png`));
    equal([icon.readUInt32BE(16), icon.readUInt32BE(20)], [size, size], 'width and height of an icon');
  }
});

await check('it has the screens of this checkout, without what only servers send', async () => {
  const bytes = fs.readFileSync(program, 'latin1');
  for (const name of fs.readdirSync(path.join(need('MOORING_UI_DIST'), 'assets'))) {
    equal(bytes.includes(`/assets/${name}`), !name.endsWith('.br'), `${name} embedded`);
  }
  truthy(bytes.includes("default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; style-src 'self'"), 'the strict policy');
});

await check('on the command line it answers without a window', async () => {
  const said = (...args) => {
    const { status, stdout, stderr } = spawnSync(program, args, { encoding: 'utf8', env: {}, timeout: 30_000 });
    return { status, stdout, stderr };
  };
  equal(said('--version'), { status: 0, stdout: `Mooring ${version}\n`, stderr: '' }, '--version');
  const help = said('--help');
  truthy(help.status === 0 && help.stdout.includes('usage: mooring'), JSON.stringify(help));
  const blind = said();
  truthy(blind.status === 1 && blind.stderr.startsWith('mooring: there is no screen'), JSON.stringify(blind));
  const other = said('--nosuch');
  truthy(other.status === 2 && other.stderr.startsWith('mooring: ') && other.stderr.includes('--nosuch'), JSON.stringify(other));
});

await check('the command line comes with it: its manual, completions, and a service that nobody has to enable', async () => {
  equal(run(inside('usr/bin/mooring-cli'), '--version'), `mooring-cli ${version}\n`, '--version');
  truthy(run('zcat', inside('usr/share/man/man1/mooring-cli.1.gz')).includes('Exit codes'), 'a manual page');
  truthy(run('zcat', inside('usr/share/man/man1/mooring-cli-reviews-list.1.gz')).includes('mooring'), 'one for each command');
  for (const name of ['bash-completion/completions/mooring-cli', 'zsh/vendor-completions/_mooring-cli', 'fish/vendor_completions.d/mooring-cli.fish']) {
    truthy(fs.readFileSync(inside(`usr/share/${name}`), 'utf8').includes('reviews'), name);
  }
  truthy(fs.readFileSync(inside('usr/lib/systemd/user/mooring.service'), 'utf8').includes('ExecStart=/usr/bin/mooring-cli run'), 'the service');
});

// one that is not installed cannot be removed
if (program === '/usr/bin/mooring') {
  await check('removed, it leaves the records; installed again, it goes on with them', async () => {
    const apt = (...args) => execFileSync('apt-get', ['-y', '-qq', '-o', 'APT::Sandbox::User=root', ...args], { env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive' }, stdio: 'pipe' });
    const server = await (await onSled()).start();
    const desk = new Desktop('installed', { ownFolder: true });
    await desk.open();
    await act.join(desk, server.url);
    await desk.pillSays('Synced and verified');
    await server.kill();
    await act.showCollection(desk, 'equipment');
    await act.addRecord(desk, 'KEPT-1', {});
    await desk.pillSays('Offline, 1 change safe on this device');
    await desk.close();
    const files = run('dpkg', '-L', 'mooring').trim().split('\n').filter(name => fs.statSync(name).isFile());
    try {
      apt('remove', 'mooring');
      equal(files.filter(name => fs.existsSync(name)), [], 'files that stay');
    } finally {
      apt('install', file);
    }
    await desk.open();
    await desk.click(hook('workspace-item'));
    await desk.pillSays('Offline, 1 change safe on this device');
    await act.showCollection(desk, 'equipment');
    await act.findRow(desk, 'KEPT-1');
    await desk.close();
  });
} else console.log('not checked: removing the package (it is not installed)');

await end();
