// What agents write: a small part of Markdown as elements, never as HTML text. What is not understood stays as it is.
import { html } from './html.js';

const INLINE = /(`[^`\n]+`)|(\*\*[^*\n]+\*\*)|(\*[^*\s][^*\n]*\*)|\[(\d{1,3})\]|\[([^\]\n]+)\]\((https?:\/\/[^\s)]+)\)|(https?:\/\/[^\s<>)]+[^\s<>).,;:!?])/g;

function inline(text, onCite) {
  const parts = [];
  let from = 0;
  for (const found of text.matchAll(INLINE)) {
    const [whole, code, strong, em, cite, label, href, bare] = found;
    if (found.index > from) parts.push(text.slice(from, found.index));
    from = found.index + whole.length;
    if (code) parts.push(html`<code>${code.slice(1, -1)}</code>`);
    else if (strong) parts.push(html`<strong>${inline(strong.slice(2, -2), onCite)}</strong>`);
    else if (em) parts.push(html`<em>${em.slice(1, -1)}</em>`);
    else if (cite) parts.push(onCite?.(Number(cite)) ?? whole);
    else parts.push(html`<a href=${href ?? bare} target="_blank" rel="noopener noreferrer">${label ?? bare}</a>`);
  }
  return from < text.length ? [...parts, text.slice(from)] : parts;
}

const ITEM = /^\s*(?:[-*•]|(\d+)[.)])\s+(.*)$/;

/** One block between empty lines: a list, a heading, code or a paragraph. */
function block(lines, key, onCite) {
  if (lines.every((line) => ITEM.test(line))) {
    const items = lines.map((line, n) => html`<li key=${n}>${inline(line.match(ITEM)[2], onCite)}</li>`);
    return lines[0].match(ITEM)[1] ? html`<ol key=${key}>${items}</ol>` : html`<ul key=${key}>${items}</ul>`;
  }
  const heading = lines.length === 1 && lines[0].match(/^#{1,6}\s+(.*)$/);
  if (heading) return html`<p key=${key}><strong>${inline(heading[1], onCite)}</strong></p>`;
  return html`<p key=${key}>${lines.flatMap((line, n) => (n ? [html`<br />`, ...inline(line, onCite)] : inline(line, onCite)))}</p>`;
}

/** `onCite(number)` draws the mark of a citation. */
export function Markdown({ text, onCite }) {
  const fences = text.split(/^```.*$/m);
  const drawn = fences.map((part, n) => {
    if (n % 2) return html`<pre key=${n} tabindex="0"><code>${part.replace(/^\n|\n$/g, '')}</code></pre>`;
    // A list right behind a sentence is one all the same.
    const blocks = part.replace(/([^\n])\n(?=\s*(?:[-*•]|\d+[.)])\s)/g, (all, before, at) => {
      const line = part.slice(part.lastIndexOf('\n', at) + 1, at + 1);
      return ITEM.test(line) ? all : `${before}\n\n`;
    });
    return blocks.split(/\n\s*\n/).filter((b) => b.trim()).map((b, k) => block(b.trim().split('\n'), `${n}.${k}`, onCite));
  });
  return html`<div class="markdown">${drawn}</div>`;
}
