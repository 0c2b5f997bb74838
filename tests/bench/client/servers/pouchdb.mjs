// PouchDB Server on LevelDB. `node pouchdb.mjs PORT FOLDER`
import path from 'node:path';
import { createRequire } from 'node:module';
const require = createRequire(import.meta.url);
const [port, folder] = process.argv.slice(2);
process.chdir(folder);
const PouchDB = require('pouchdb-core').plugin(require('pouchdb-adapter-leveldb')).plugin(require('pouchdb-adapter-http')).plugin(require('pouchdb-mapreduce')).plugin(require('pouchdb-replication')).defaults({ prefix: `${folder}${path.sep}`, adapter: 'leveldb', auto_compaction: true });
const app = require('express')();
app.use('/', require('express-pouchdb')(PouchDB, { mode: 'minimumForPouchDB', inMemoryConfig: true, logPath: path.join(folder, 'log.txt') }));
await new PouchDB('records').info();
app.listen(Number(port), '127.0.0.1', () => console.log('ready'));
