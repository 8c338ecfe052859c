// Before anything is drawn: the theme that was chosen, so that nothing flashes.
'use strict';
(() => {
  try {
    const theme = localStorage.getItem('colloquy.theme');
    if (theme === 'light' || theme === 'dark') document.documentElement.dataset.theme = theme;
  } catch {
    // Storage may be switched off: the system's theme it is.
  }
})();
