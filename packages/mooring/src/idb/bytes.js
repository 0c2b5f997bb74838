/** Bytes as text: base64, as data in JSON has it. Platforms that do it themselves are many times as fast. */

const PIECE = 0x8000; // as many arguments as every engine takes

/** @param {Uint8Array} bytes */
export function toBase64(bytes) {
  if (typeof bytes.toBase64 === 'function') return bytes.toBase64();
  const pieces = [];
  for (let at = 0; at < bytes.length; at += PIECE) pieces.push(String.fromCharCode(...bytes.subarray(at, at + PIECE)));
  return btoa(pieces.join(''));
}

/** @param {string} text @returns {Uint8Array} */
export function fromBase64(text) {
  if (typeof Uint8Array.fromBase64 === 'function') return Uint8Array.fromBase64(text);
  return Uint8Array.from(atob(text), unit => unit.charCodeAt(0));
}
