// The source files and what their rows must be once they are in Mooring.
import fs from 'node:fs';
import path from 'node:path';
import { root } from './harness.mjs';

const data = path.join(root, 'node_modules/vega-datasets/data');
export const airportsFile = path.join(data, 'airports.csv');
export const moviesFile = path.join(data, 'movies.json');

/** A CSV text as rows of cells (RFC 4180); written here so that the suite does not share the importer's parser. */
function parseCsv(text) {
  const rows = [];
  let row = [], cell = '', quoted = false;
  for (let at = 0; at < text.length; at += 1) {
    const c = text[at];
    if (quoted) {
      if (c !== '"') cell += c;
      else if (text[at + 1] === '"') { cell += '"'; at += 1; } else quoted = false;
    } else if (c === '"') quoted = true;
    else if (c === ',') { row.push(cell); cell = ''; }
    else if (c === '\n') { row.push(cell.replace(/\r$/, '')); rows.push(row); row = []; cell = ''; }
    else cell += c;
  }
  if (cell || row.length) { row.push(cell); rows.push(row); }
  return rows;
}

/** `{key text: {field: cell}}` of airports.csv; the first column is the key and stays a field. */
export function airports() {
  const [heading, ...rows] = parseCsv(fs.readFileSync(airportsFile, 'utf8'));
  const keyOf = text => (/^(0|-?[1-9]\d*)$/.test(text) ? text : JSON.stringify(text));
  return Object.fromEntries(rows.map(cells => [keyOf(cells[0]), Object.fromEntries(heading.map((name, at) => [name, cells[at]]))]));
}

/** Records whose keys were minted, numbered from 1 in the order of their keys: that of the file they came from. */
export function numbered(records) {
  return Object.fromEntries(Object.keys(records).sort().map((key, at) => [String(at + 1), records[key]]));
}

/** `{number: {field: value}}` of movies.json; rows are numbered from 1, for the file has no keys. */
export function movies() {
  const name = heading => heading.toLowerCase().replace(/[^a-z0-9]+/g, '_').replace(/^_+|_+$/g, '');
  const rows = JSON.parse(fs.readFileSync(moviesFile, 'utf8'));
  return Object.fromEntries(rows.map((row, at) => [String(at + 1), Object.fromEntries(Object.entries(row).map(([k, v]) => [name(k), v]))]));
}

/** Whether a stored value is the source's: text as it is, numbers by value, empty as absent. */
export function same(source, stored) {
  if (source === null || source === undefined || source === '') return stored === undefined || stored === null;
  if (source === stored) return true;
  const numbers = typeof stored === 'number' || /^-?\d+(\.\d+)?$/.test(String(stored));
  return numbers && Number(source) === Number(stored);
}

/** The first differences between source rows and stored rows, in words; empty where there is none. */
export function differences(source, stored) {
  const found = [];
  for (const key of new Set([...Object.keys(source), ...Object.keys(stored)])) {
    const [s, r] = [source[key], stored[key]];
    if (!s || !r) { found.push(`${key} is only in the ${s ? 'source' : 'store'}`); continue; }
    for (const field of new Set([...Object.keys(s), ...Object.keys(r)])) {
      if (!same(s[field], r[field])) found.push(`${key}.${field}: source ${JSON.stringify(s[field])}, store ${JSON.stringify(r[field])}`);
    }
  }
  return found.slice(0, 10);
}
