// The one place that knows which library draws.
import { h } from '../vendor/preact.js';
import htm from '../vendor/htm.js';

export { Fragment, render } from '../vendor/preact.js';
export { useEffect, useErrorBoundary, useId, useLayoutEffect, useMemo, useRef, useState } from '../vendor/hooks.js';
export { batch, computed, effect, signal } from '../vendor/signals.js';

export const html = htm.bind(h);
