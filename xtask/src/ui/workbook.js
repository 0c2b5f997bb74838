// Reads one workbook: the page starts this worker for each, and ends it with the answer.
import init, { read } from './{{js}}';

self.onmessage = async ({ data }) => {
  try {
    await init({ module_or_path: new URL('./{{wasm}}', import.meta.url) });
    self.postMessage({ text: read(new Uint8Array(data)) });
  } catch (error) {
    self.postMessage({ why: typeof error === 'string' ? error : '' });
  }
};
