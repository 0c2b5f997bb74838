// Between values of JavaScript and JSON as the engine reads and writes it, so that no value changes on the way: whole
// numbers that a double cannot hold come and go as BigInt, points in time and bytes go in as they are.

// No text of a person begins with it: it is another one in every program that runs.
const MARK = `\u0001${Math.random().toString(36).slice(2)}:`;
const QUOTED_MARK = JSON.stringify(MARK).slice(1, -1);
const MARKED = new RegExp(`"${QUOTED_MARK.replaceAll('\\', '\\\\')}(-?\\d+)"`, 'g');
const LARGE = /\d{16}/;
const TOKEN = /"(?:[^"\\]|\\.)*"|-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?/g;

/** JSON as a value. Whole numbers beyond 2^53 become BigInt. */
export function parse(text) {
  if (!LARGE.test(text)) return JSON.parse(text);
  let found = false;
  const marked = text.replace(TOKEN, (token) => {
    if (!/^-?\d{16,}$/.test(token) || Number.isSafeInteger(Number(token))) return token;
    found = true;
    return `"${QUOTED_MARK}${token}"`;
  });
  if (!found) return JSON.parse(text);
  return JSON.parse(marked, (_, value) =>
    typeof value === 'string' && value.startsWith(MARK) ? BigInt(value.slice(MARK.length)) : value);
}

/** A value as JSON. */
export function stringify(value) {
  let found = false;
  const text = JSON.stringify(value, (_, part) => {
    if (typeof part !== 'bigint') return part;
    found = true;
    return MARK + part;
  });
  return found ? text.replace(MARKED, '$1') : text;
}

/** The fields of a record as the engine takes them. `type(name, type)` hears what JSON does not say. */
export function fieldsIn(fields, type) {
  const all = {};
  for (const [name, value] of Object.entries(fields)) {
    const [written, kind] = valueIn(value);
    if (written === undefined) continue;
    if (kind) type(name, kind);
    all[name] = written;
  }
  return all;
}

/** One value as the engine takes it, and its type where JSON does not say it; `undefined`: no value. */
export function valueIn(value) {
  if (value === undefined || value === null) return [undefined];
  if (value instanceof Date) return [moment(value), 'date_time'];
  if (value instanceof ArrayBuffer) return [base64(new Uint8Array(value)), 'bytes'];
  if (ArrayBuffer.isView(value)) {
    return [base64(new Uint8Array(value.buffer, value.byteOffset, value.byteLength)), 'bytes'];
  }
  // JSON has no such numbers: a field of numbers takes their names
  if (typeof value === 'number' && !Number.isFinite(value)) return [String(value), 'number'];
  return [value];
}

/** In UTC, without trailing zeros of the fraction: the one way in which such a value is written. */
function moment(date) {
  const [seconds, fraction] = date.toISOString().slice(0, -1).split('.');
  const digits = fraction.replace(/0+$/, '');
  return digits ? `${seconds}.${digits}Z` : `${seconds}Z`;
}

function base64(bytes) {
  let text = '';
  for (let at = 0; at < bytes.length; at += 8192) text += String.fromCharCode(...bytes.subarray(at, at + 8192));
  return btoa(text);
}
