// A list of any length: only the rows that can be seen are in the document.
import { html, useEffect, useLayoutEffect, useRef, useState } from './html.js';

/** Rows above and below that are drawn as well, so that quick scrolling shows no gaps. */
const MARGIN = 6;

/** `row(index)` draws one; `onRange(first, last)` says which are shown; `focus` is an index to bring into view. */
export function VirtualList({ count, height, row, onRange, focus, label }) {
  const box = useRef(null);
  const [view, setView] = useState({ top: 0, room: 800 });
  useLayoutEffect(() => {
    const measure = () => setView({ top: box.current.scrollTop, room: box.current.clientHeight });
    measure();
    const watch = new ResizeObserver(measure);
    watch.observe(box.current);
    return () => watch.disconnect();
  }, []);
  const first = Math.max(0, Math.floor(view.top / height) - MARGIN);
  const last = Math.min(count, Math.ceil((view.top + view.room) / height) + MARGIN);
  useEffect(() => onRange?.(first, last), [first, last, count]);
  useEffect(() => {
    if (focus === undefined || focus < 0) return;
    const { scrollTop, clientHeight } = box.current;
    const top = focus * height;
    if (top < scrollTop) box.current.scrollTop = top;
    else if (top + height > scrollTop + clientHeight) box.current.scrollTop = top + height - clientHeight;
  }, [focus]);
  const scroll = (event) => {
    const { scrollTop, clientHeight } = event.currentTarget;
    // Within the margin nothing new has to be drawn.
    if (Math.abs(scrollTop - view.top) >= height || scrollTop === 0) setView({ top: scrollTop, room: clientHeight });
  };
  const shown = Array.from({ length: Math.max(0, last - first) }, (_, n) => first + n);
  return html`<div class="virtual" ref=${box} onScroll=${scroll}>
    <ul class="virtual-inside" aria-label=${label} style=${{ height: `${count * height}px` }}>
      ${shown.map(
        (index) => html`<li key=${index} aria-setsize=${count} aria-posinset=${index + 1} style=${{ height: `${height}px`, transform: `translateY(${index * height}px)` }}>
          ${row(index)}
        </li>`,
      )}
    </ul>
  </div>`;
}
