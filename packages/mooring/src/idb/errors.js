/** The exceptions of IndexedDB by their names. */

/**
 * @param {string} name the name that programs compare, `DataError` for example
 * @param {string} message what is wrong, in words for a programmer
 */
export const failure = (name, message) => new DOMException(message, name);

/** As a browser's bindings do: an operation that is called with too little is refused. */
export function need(given, count) {
  if (given.length < count) throw new TypeError(`${count} argument${count === 1 ? '' : 's'} required, but only ${given.length} present.`);
}

/** A dictionary of Web IDL: nothing, or an object. */
export function dictionary(value) {
  if (value === undefined || value === null) return {};
  if (typeof value !== 'object' && typeof value !== 'function') throw new TypeError('The options are no object.');
  return value;
}

/**
 * A whole number with `[EnforceRange]`.
 * @param {unknown} value
 * @param {number} most
 */
export function wholeNumber(value, most) {
  const number = Math.trunc(Number(value));
  if (!Number.isFinite(number) || number < 0 || number > most) throw new TypeError(`The value is outside the range from 0 to ${most}.`);
  return number + 0; // -0 is 0
}

/** A value of an enumeration. */
export function oneOf(value, allowed) {
  const text = `${value}`;
  if (!allowed.includes(text)) throw new TypeError(`'${text}' is none of: ${allowed.join(', ')}`);
  return text;
}

/** `DOMString or sequence<DOMString>`. */
export function textOrTexts(value) {
  if (value !== null && (typeof value === 'object' || typeof value === 'function') && value[Symbol.iterator] != null) {
    return Array.from(value, one => `${one}`);
  }
  return `${value}`;
}

/** The largest `unsigned long`, and the largest version: what `unsigned long long` holds exactly. */
export const UNSIGNED_LONG = 2 ** 32 - 1;
export const LARGEST = Number.MAX_SAFE_INTEGER;

/** Tells the page, or the process, of an exception that a program's listener threw. */
export function report(error) {
  if (typeof reportError === 'function') reportError(error);
  else setTimeout(() => { throw error; });
}
