// What the browser keeps for this person; storage may be switched off, then nothing is kept.

const place = (kind) => {
  try {
    return window[kind];
  } catch {
    return null;
  }
};

export const local = () => place('localStorage');
export const perTab = () => place('sessionStorage');

export function read(storage, key) {
  try {
    return storage?.getItem(key) ?? null;
  } catch {
    return null;
  }
}

export function write(storage, key, value) {
  try {
    if (value === null) storage?.removeItem(key);
    else storage?.setItem(key, value);
  } catch {
    // Full or forbidden: the person chooses again next time.
  }
}
