// What RxDB's documents ask of a server that it replicates with over HTTP, on SQLite. `node rxdb.mjs PORT FOLDER`
import http from 'node:http';
import path from 'node:path';
import zlib from 'node:zlib';
import Database from 'better-sqlite3';

const [port, folder] = process.argv.slice(2);
const database = new Database(path.join(folder, 'records.sqlite'));
database.pragma('journal_mode = WAL');
database.pragma('synchronous = FULL');
database.exec('CREATE TABLE records (id TEXT PRIMARY KEY, number INTEGER NOT NULL, body TEXT NOT NULL); CREATE INDEX by_number ON records (number);');
const find = database.prepare('SELECT body FROM records WHERE id = ?');
const put = database.prepare('INSERT INTO records (id, number, body) VALUES (?, ?, ?) ON CONFLICT (id) DO UPDATE SET number = excluded.number, body = excluded.body');
const after = database.prepare('SELECT number, body FROM records WHERE number > ? ORDER BY number LIMIT ?');
let number = 0;
const listeners = new Set();

const push = database.transaction(rows => {
  const conflicts = [];
  const documents = [];
  for (const { newDocumentState: wanted, assumedMasterState: assumed } of rows) {
    const there = find.get(wanted.id)?.body;
    // by value, whatever the order of properties
    const same = (left, right) => Object.keys({ ...left, ...right }).every(name => left[name] === right[name]);
    if (there && !(assumed && same(JSON.parse(there), assumed))) conflicts.push(JSON.parse(there));
    else {
      number += 1;
      put.run(wanted.id, number, JSON.stringify(wanted));
      documents.push(wanted);
    }
  }
  return { conflicts, documents };
});

function answer(request, response, value) {
  const text = JSON.stringify(value);
  const packed = /gzip/.test(request.headers['accept-encoding'] ?? '') && text.length > 1_000;
  response.writeHead(200, { 'content-type': 'application/json', ...(packed ? { 'content-encoding': 'gzip' } : {}) });
  response.end(packed ? zlib.gzipSync(text, { level: 6 }) : text);
}

http.createServer(async (request, response) => {
  const { pathname, searchParams } = new URL(request.url, 'http://localhost');
  if (pathname === '/stream') {
    response.writeHead(200, { 'content-type': 'text/event-stream' });
    response.write(': here\n\n');
    listeners.add(response);
    request.on('close', () => listeners.delete(response));
  } else if (pathname === '/push') {
    let body = '';
    for await (const part of request) body += part;
    const { conflicts, documents } = push(JSON.parse(body));
    answer(request, response, conflicts);
    // more than a page's worth: others are told to ask
    const event = documents.length > 1_000 ? '"RESYNC"' : JSON.stringify({ documents, checkpoint: { number } });
    if (documents.length > 0) for (const listener of listeners) listener.write(`data: ${event}\n\n`);
  } else if (pathname === '/pull') {
    const rows = after.all(Number(searchParams.get('after')), Number(searchParams.get('limit')));
    answer(request, response, { documents: rows.map(({ body }) => JSON.parse(body)), checkpoint: { number: rows.at(-1)?.number ?? Number(searchParams.get('after')) } });
  } else response.writeHead(404).end();
}).listen(Number(port), '127.0.0.1', () => console.log('ready'));
