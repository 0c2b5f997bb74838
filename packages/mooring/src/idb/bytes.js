/** Bytes as text: base64, as data in JSON has it. */

const PIECE = 0x8000; // as many arguments as every engine takes

/** @param {Uint8Array} bytes */
export function toBase64(bytes) {
  let text = '';
  for (let at = 0; at < bytes.length; at += PIECE) text += String.fromCharCode(...bytes.subarray(at, at + PIECE));
  return btoa(text);
}

/** @param {string} text @returns {Uint8Array} */
export function fromBase64(text) {
  return Uint8Array.from(atob(text), unit => unit.charCodeAt(0));
}
