// A file that only a credential opens: fetched, then given to the browser to keep.
import { Failure, open } from './api.js';

/** How long a file may take to be saved, in milliseconds. */
const KEPT = 60_000;

export function give(blob, name) {
  const link = document.createElement('a');
  link.href = URL.createObjectURL(blob);
  link.download = name;
  link.click();
  // The browser reads it after this: given up at once, nothing would be saved.
  setTimeout(() => URL.revokeObjectURL(link.href), KEPT);
}

export async function download(path, name) {
  const response = await open('GET', path);
  if (!response.ok) throw new Failure(response.status, await response.json().catch(() => null));
  give(await response.blob(), name);
}
