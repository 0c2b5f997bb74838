// A served folder that gets a second release, as an installer would put it there: what changed has other names, what
// is no part of the new release is gone.
import { createHash } from 'node:crypto';
import fs from 'node:fs';
import path from 'node:path';
import zlib from 'node:zlib';
import { need, scratch } from './harness.mjs';

/** The built app in a folder of its own. */
export function firstRelease(name) {
  const folder = path.join(scratch, name);
  fs.cpSync(need('MOORING_UI_DIST'), folder, { recursive: true });
  return folder;
}

/** The names of the release's parts: modules that come when one of their screens is asked for. */
export function partsOf(folder) {
  return fs.readdirSync(path.join(folder, 'assets')).filter(file => /^part-.*\.wasm$/.test(file));
}

/** Takes a part away from the served folder, as a network does; gives what puts it back. */
export function withoutPart(folder, name) {
  const files = fs.readdirSync(path.join(folder, 'assets')).filter(file => file.startsWith(`part-${name}-`));
  const move = (from, to) => { for (const file of files) fs.renameSync(path.join(folder, from, file), path.join(folder, to, file)); };
  move('assets', '.');
  return () => move('.', 'assets');
}

/**
 * Makes the folder's release the next one: another program (each wasm module gets a section that says nothing), so
 * other names for it, for its parts and for whatever names them.
 */
export function nextRelease(folder) {
  const files = new Map(fs.readdirSync(folder, { recursive: true }).map(file => path.join(folder, file))
    .filter(file => fs.statSync(file).isFile() && !file.endsWith('.br'))
    .map(file => [path.relative(folder, file), fs.readFileSync(file)]));
  const modules = [...files.keys()].filter(file => file.endsWith('.wasm'));
  const section = Buffer.from('\0\x06\x05again', 'latin1'); // a custom section named "again", empty
  const renamed = [];
  for (const wasm of modules) change(wasm, Buffer.concat([files.get(wasm), section]));
  while (renamed.length) {
    const [from, to] = renamed.shift();
    for (const [file, bytes] of [...files]) {
      if (!/\.(js|html)$/.test(file) || !bytes.includes(from)) continue;
      change(file, Buffer.from(bytes.toString('utf8').replaceAll(from, to)));
    }
  }
  // the service worker's cache has the release's own name
  const worker = files.get('sw.js').toString('utf8');
  const id = createHash('sha256').update(worker).digest('hex').slice(0, 16);
  files.set('sw.js', Buffer.from(worker.replace(/mooring-[0-9a-f]+'/, `mooring-${id}'`)));

  fs.rmSync(folder, { recursive: true });
  for (const [file, bytes] of files) {
    fs.mkdirSync(path.dirname(path.join(folder, file)), { recursive: true });
    fs.writeFileSync(path.join(folder, file), bytes);
    if (/^assets.*\.(wasm|js|css)$/.test(file)) {
      fs.writeFileSync(path.join(folder, `${file}.br`), zlib.brotliCompressSync(bytes, { params: { [zlib.constants.BROTLI_PARAM_QUALITY]: 4 } }));
    }
  }

  /** New content; the name of an asset follows it. */
  function change(file, bytes) {
    files.delete(file);
    const hash = createHash('sha256').update(bytes).digest('hex').slice(0, 16);
    const name = file.startsWith('assets') ? file.replace(/-[0-9a-f]{16}\./, `-${hash}.`) : file;
    files.set(name, bytes);
    if (name !== file) renamed.push([path.basename(file), path.basename(name)]);
  }
}
