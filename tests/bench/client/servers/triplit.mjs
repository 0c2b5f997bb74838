// Triplit's server on SQLite. `node triplit.mjs PORT FOLDER SECRET`
import path from 'node:path';
const [port, folder, secret] = process.argv.slice(2);
process.env.LOCAL_DATABASE_URL = path.join(folder, 'records.sqlite');
const { createServer, createTriplitStorageProvider } = await import('@triplit/server');
const start = await createServer({ storage: await createTriplitStorageProvider('sqlite'), jwtSecret: secret, projectId: 'bench', maxPayloadMb: 200, verboseLogs: false });
start(Number(port), () => console.log('ready'));
