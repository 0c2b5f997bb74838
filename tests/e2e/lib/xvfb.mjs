// An X server without a screen, and pictures of what is on it. They are read from its memory: a web view that is asked
// for a picture of itself sometimes never answers.
import { spawn } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import zlib from 'node:zlib';
import { atEnd, scratch } from './harness.mjs';

/** Starts one; `{display, picture}`, where `picture` gives a PNG of the left upper `width` x `height`. */
export async function xvfb() {
  const folder = fs.mkdtempSync(path.join(scratch, 'xvfb-'));
  const args = ['-displayfd', '3', '-screen', '0', '1440x900x24', '-fbdir', folder, '-nolisten', 'tcp'];
  const server = spawn('Xvfb', args, { stdio: ['ignore', 'ignore', 'ignore', 'pipe'] });
  atEnd(() => server.kill('SIGKILL'));
  const number = await new Promise((done, refuse) => {
    server.once('error', refuse);
    server.once('exit', code => refuse(new Error(`Xvfb ended with ${code}`)));
    server.stdio[3].once('data', data => done(String(data).trim()));
  });
  const picture = (width, height) => png(fs.readFileSync(path.join(folder, 'Xvfb_screen0')), width, height);
  return { display: `:${number}`, picture };
}

/** Of a dump as XWDFile.h describes it: a head of big-endian words, the colours, then rows of 32-bit pixels. */
function png(dump, width, height) {
  const word = at => dump.readUInt32BE(at * 4);
  const [head, depth, fullWidth, fullHeight, bits, rowBytes, colours] = [0, 3, 4, 5, 11, 12, 19].map(word);
  if (depth !== 24 || bits !== 32) throw new Error(`a screen of ${depth} bits in ${bits}`);
  const [columns, rows] = [Math.min(width, fullWidth), Math.min(height, fullHeight)];
  const raw = Buffer.alloc(rows * (1 + columns * 3));
  let to = 0;
  for (let row = 0; row < rows; row += 1) {
    to += 1; // the row is not filtered
    let from = head + colours * 12 + row * rowBytes;
    for (let column = 0; column < columns; column += 1, from += 4) {
      raw[to++] = dump[from + 2];
      raw[to++] = dump[from + 1];
      raw[to++] = dump[from];
    }
  }
  const size = Buffer.alloc(13);
  size.writeUInt32BE(columns, 0);
  size.writeUInt32BE(rows, 4);
  size.set([8, 2, 0, 0, 0], 8); // 8 bits each of red, green, blue
  const signature = Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]);
  return Buffer.concat([signature, chunk('IHDR', size), chunk('IDAT', zlib.deflateSync(raw)), chunk('IEND', Buffer.alloc(0))]);
}

function chunk(type, data) {
  const body = Buffer.concat([Buffer.from(type), data]);
  const [length, sum] = [Buffer.alloc(4), Buffer.alloc(4)];
  length.writeUInt32BE(data.length);
  sum.writeUInt32BE(crc(body));
  return Buffer.concat([length, body, sum]);
}

function crc(bytes) {
  let sum = 0xffffffff;
  for (const byte of bytes) {
    sum ^= byte;
    for (let bit = 0; bit < 8; bit += 1) sum = (sum >>> 1) ^ (sum & 1 ? 0xedb88320 : 0);
  }
  return (sum ^ 0xffffffff) >>> 0;
}
